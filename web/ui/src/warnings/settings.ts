/** Versions of rules and ladder, and reading and saving them. */
import { get, put } from "../api/client";
import { useResource, type Resource } from "../api/useResource";
import type { Condition } from "../api/types";
import type { Colour, Kind, Rung } from "./types";

export type Version<T> = { version: number; by: string | null; at: number | null; reason: string; value: T };
export type Versions<T> = { current: Version<T>; earlier: Version<T>[] };

export type Gathers = "equipment" | "hazard" | "enterprise";
export type Rule = {
  id: string; name: string; enabled: boolean; kind: Kind; colour: Colour; gathers: Gathers; conditions: Condition[]; levels: number[]; signals: string[]; except_signals: string[];
  of_hazard_source: boolean; standing_s: number; count: number; within_s: number; basis: string;
};

export const DUTIES = ["duty_officer", "leader", "safety_officer", "principal"] as const;
export type Duty = (typeof DUTIES)[number];
export type Call = { rung: Rung; duties: Duty[]; at_once: boolean };
export type Plan = { calls: Call[]; answer_within_s: number; feedback_within_s: number; remind_every_s: number; close_after_s: number };
export type LadderPlans = Record<Colour, Plan>;

export function useVersions<T>(path: string): Resource<Versions<T>> {
  return useResource(path, (signal) => get<Versions<T>>(path, undefined, signal));
}

export const saveRules = (version: number, reason: string, rules: Rule[]): Promise<Versions<Rule[]>> => put("/warning-rules", { version, reason, rules });
export const saveLadder = (version: number, reason: string, ladder: LadderPlans): Promise<Versions<LadderPlans>> => put("/escalation-ladder", { version, reason, ladder });
