/** A scenario's statement is met, late, missed, or something came that must not. */
import { describe, expect, it } from "vitest";
import { verdict, type Expectation, type Run, type Seen } from "./verdict";

const base: Expectation = { subject: "p", condition: "H", must: true, raised: { from: "crossing", delay_ms: 2000, within_ms: 1000 }, clears: null, zh: "", en: "", seen: null };
const seenAt = (decided_at: number): Seen => ({ id: "p|H|1", level: 3, raised_at: decided_at, received_at: decided_at, decided_at, cleared_at: null });
const run: Run = {
  number: 1, scenario: "s", started_at: 100_000, ended_at: null, ends_s: 60, elapsed_s: 0, expectations: [],
  crossings: [{ number: 1, point: "p", condition: "H", began: true, value: 81, at: 110_000, delay_ms: 2000 }],
};

describe("a verdict", () => {
  it("counts from the crossing plus its delay, without the scan that reads it", () => {
    expect(verdict({ ...base, seen: seenAt(113_900) }, run, 120_000)).toEqual({ state: "met", latency_ms: 1900 });
    expect(verdict({ ...base, seen: seenAt(114_100) }, run, 120_000).state).toBe("late");
  });
  it("waits while it can still come and then says that it did not", () => {
    expect(verdict(base, run, 112_000).state).toBe("waiting");
    expect(verdict(base, run, 120_000).state).toBe("missed");
    expect(verdict(base, { ...run, crossings: [] }, 120_000).state).toBe("waiting");
    expect(verdict(base, { ...run, crossings: [], ended_at: 160_000 }, 170_000).state).toBe("missed");
  });
  it("counts steps from the start", () => {
    const step: Expectation = { ...base, raised: { from: "step", at_s: 10, within_ms: 500 }, seen: seenAt(110_400) };
    expect(verdict(step, run, 120_000)).toEqual({ state: "met", latency_ms: 400 });
  });
  it("finds what must not come", () => {
    expect(verdict({ ...base, must: false, seen: seenAt(1) }, run, 2).state).toBe("wrong");
    expect(verdict({ ...base, must: false }, { ...run, ended_at: 3 }, 4).state).toBe("absent");
  });
});
