/** What was expected against what the alarm log holds: one verdict an expectation. Pure, so that the page and its test agree. */
import type { Name } from "../api/types";

export type Moment = { from: "crossing"; delay_ms: number; within_ms: number } | { from: "step"; at_s: number; within_ms: number };
export type Seen = { id: string; level: number; raised_at: number; received_at: number; decided_at: number; cleared_at: number | null };
export type Expectation = { subject: string; condition: string; must: boolean; raised: Moment | null; clears: Moment | null; zh: string; en: string; seen: Seen | null };
export type Crossing = { number: number; point: string; condition: string; began: boolean; value: number; at: number; delay_ms: number };
export type Run = { number: number; scenario: string; started_at: number; ended_at: number | null; ends_s: number; elapsed_s: number; expectations: Expectation[]; crossings: Crossing[] };
export type Parameter = { name: string; unit: string; default: number | string; min: number; max: number; zh: string; en: string };
export type Scenario = { name: string; title: Name; about: Name; parameters: Parameter[]; running: boolean; last_run: number | null };
export type ServerFault = { server: string; address: string; fault: { kind: string } | null };
export type Faults = { servers: ServerFault[]; points: { point: string; fault: { kind: string } }[] };

/** The gateway first has to read the value: one scan, which the expectation does not count. */
export const SCAN_MS = 1000;

export type Verdict = { state: "waiting" | "met" | "late" | "missed" | "wrong" | "absent"; latency_ms: number | null };

/** The moment from which an expectation counts, once it is known. */
function from(moment: Moment, run: Run, expectation: Expectation, began: boolean): number | null {
  if (moment.from === "step") return run.started_at + moment.at_s * 1000;
  const crossing = run.crossings.find((c) => c.point === expectation.subject && c.condition === expectation.condition && c.began === began);
  return crossing ? crossing.at + moment.delay_ms : null;
}

export function verdict(expectation: Expectation, run: Run, now: number): Verdict {
  const { seen } = expectation;
  if (!expectation.must) return { state: seen ? "wrong" : run.ended_at === null ? "waiting" : "absent", latency_ms: null };
  const raised = expectation.raised;
  const start = raised ? from(raised, run, expectation, true) : run.started_at;
  if (!seen) {
    const over = run.ended_at !== null && now > run.ended_at + 5000;
    const due = start === null || raised === null ? null : start + raised.within_ms + SCAN_MS;
    return { state: over || (due !== null && now > due + 2000) ? "missed" : "waiting", latency_ms: null };
  }
  if (start === null || raised === null) return { state: "met", latency_ms: null };
  const latency = seen.decided_at - start;
  return { state: latency <= raised.within_ms + SCAN_MS ? "met" : "late", latency_ms: latency };
}
