/** The page shows the center's verdicts: what went wrong first, and never as good. */
import { describe, expect, it } from "vitest";
import { byUrgency, seconds, tone, type Expectation, type VerdictState } from "./verdict";

const of = (state: VerdictState): Expectation => ({ subject: state, condition: "H", must: true, zh: "", en: "", seen: null, verdict: { state, reason: null, latency_ms: null, clear_latency_ms: null, occurrences: 0 } });

describe("a verdict", () => {
  it("is good only where everything was as stated", () => {
    const states: VerdictState[] = ["absent", "void", "met", "raised", "waiting", "late", "early", "stuck", "missed", "wrong"];
    expect(states.filter((state) => tone(of(state).verdict) === "good")).toEqual(["absent", "met"]);
    expect(states.filter((state) => tone(of(state).verdict) === "bad")).toEqual(["late", "early", "stuck", "missed", "wrong"]);
    expect(states.filter((state) => tone(of(state).verdict) === "calm")).toEqual(["void"]);
  });
  it("that went wrong stands first, so that it is not hidden among a hundred good ones", () => {
    const sorted = byUrgency([of("met"), of("void"), of("waiting"), of("late"), of("met"), of("wrong")]);
    expect(sorted.map((e) => e.subject)).toEqual(["late", "wrong", "waiting", "void", "met", "met"]);
  });
  it("tells its latency in seconds", () => expect(seconds(780)).toBe("0.78 s"));
});
