/** What the tester's page reads of the simulator, with the verdicts that the center gives; and how a verdict is shown. */
import type { Name } from "../api/types";

export type Seen = { id: string; level: number; raised_at: number; received_at: number; decided_at: number; cleared_at: number | null; clear_decided_at: number | null };
export type VerdictState = "absent" | "void" | "met" | "raised" | "waiting" | "late" | "early" | "stuck" | "missed" | "wrong";
/** Why a verdict is void, or wrong though the alarm was stated (`never_crossed` alone); null for every other. */
export type Reason = "never_crossed" | "stopped" | "too_brief";
export type Verdict = { state: VerdictState; reason: Reason | null; latency_ms: number | null; clear_latency_ms: number | null; occurrences: number };
export type Expectation = { subject: string; condition: string; must: boolean; zh: string; en: string; seen: Seen | null; verdict: Verdict };
/** `ends_s` is null where a run goes on until something else begins. */
export type Run = { number: number; scenario: string; started_at: number; ended_at: number | null; ends_s: number | null; elapsed_s: number; expectations: Expectation[] };
export type Parameter = { name: string; unit: string; default: number | string; min: number; max: number; zh: string; en: string };
export type Scenario = { name: string; title: Name; about: Name; parameters: Parameter[]; running: boolean };
export type ServerFault = { server: string; address: string; fault: { kind: string } | null };
export type Faults = { servers: ServerFault[]; points: { point: string; fault: { kind: string } }[] };

/** Whether a person must look: it went wrong, it is still open, nothing came of it that could be judged, or it is as stated. */
export function tone({ state }: Verdict): "bad" | "open" | "calm" | "good" {
  switch (state) {
    case "late":
    case "early":
    case "stuck":
    case "missed":
    case "wrong":
      return "bad";
    case "waiting":
    case "raised":
      return "open";
    case "void":
      return "calm";
    case "met":
    case "absent":
      return "good";
  }
}

/** Seconds to two places, as a latency is told. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

/** What did not go as stated first, then what is open, then what is void; in the order of the statement otherwise. */
export function byUrgency(expectations: Expectation[]): Expectation[] {
  const rank = { bad: 0, open: 1, calm: 2, good: 3 };
  return [...expectations].sort((a, b) => rank[tone(a.verdict)] - rank[tone(b.verdict)]);
}
