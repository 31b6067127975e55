/** Warnings as docs/protocols/http.md has them, with the words of every state spelled out. */
import type { components } from "../api/generated";
import type { Alarm, Condition, Name } from "../api/types";

export const COLOURS = ["red", "orange", "yellow", "blue"] as const;
export type Colour = (typeof COLOURS)[number];
export const KINDS = ["gas", "fire", "process", "data"] as const;
export type Kind = (typeof KINDS)[number];
export const STATES = ["unanswered", "in_hand", "returned", "closed"] as const;
export type State = (typeof STATES)[number];
export const RUNGS = ["enterprise", "park", "county", "city", "province"] as const;
export type Rung = (typeof RUNGS)[number];
export type Why = "at_once" | "unanswered" | "no_feedback";
export type Means = "page" | "sms" | "email" | "webhook";
export type MessageState = "queued" | "delivered" | "sent" | "failed" | "moot";

type Schemas = components["schemas"];

export type Change =
  | { what: "raised"; colour: Colour; rule: string; rules_version: number; alarm: string | null }
  | { what: "joined"; alarm: string }
  | { what: "upgraded"; from: Colour; to: Colour; rule: string; alarm: string }
  | { what: "returned" }
  | { what: "stands_again"; alarm: string }
  | { what: "called"; rung: Rung; round: number; why: Why; skipped: Rung[] }
  | { what: "nobody_to_call"; rung: Rung }
  | { what: "reminded"; time: number }
  | { what: "answered"; by: string; by_alarm: boolean; comment: string }
  | { what: "fed_back"; by: string; cause: string; measure: string; comment: string }
  | { what: "closed"; by: string | null; cause: string; measure: string; comment: string };

export type LineEntry = { at: number; change: Change; by_name: string | null };
export type Message = Omit<Schemas["MessageView"], "means" | "state" | "rung" | "colour" | "why"> & { means: Means; state: MessageState; rung: Rung; colour: Colour; why: Why | "reminder" };

export type Warning = Omit<Schemas["WarningView"], "colour" | "kind" | "state" | "enterprise_name" | "hazard_name" | "equipment_name" | "lead_name" | "lead_condition" | "called" | "line" | "messages" | "members" | "position"> & {
  colour: Colour; kind: Kind; state: State; enterprise_name: Name | null; hazard_name: Name | null; equipment_name: Name | null; lead_name: Name | null;
  lead_condition: Condition | null; called: Rung[]; line?: LineEntry[]; messages?: Message[]; members?: Alarm[]; position: [number, number] | null;
};

export type Counts = { enterprises: { enterprise: string | null; open: number[]; unanswered: number[] }[]; open: number[]; unanswered: number[] };
