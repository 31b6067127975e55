/**
 * The views of the desk, for whoever begins a shift: what is new, what is mine, what has waited too long. Plain functions over the open alarms;
 * the times come from the center's settings.
 */
import type { Alarm } from "../api/types";
import { waitsForAnswer } from "./alarm";

export type View = "standing" | "new" | "mine" | "overdue" | "recent" | "quiet";
export const VIEWS: readonly View[] = ["standing", "new", "mine", "overdue", "recent", "quiet"];

/** Nobody has answered it and nobody has taken it over. */
export const isNew = (alarm: Alarm): boolean => waitsForAnswer(alarm) && alarm.owner === null;

export const isMine = (alarm: Alarm, me: string): boolean => alarm.owner?.by === me;

/** Unanswered beyond the time of its level, counted from the center's decision: late data is not overdue as it comes. */
export function isOverdue(alarm: Alarm, overdueMs: readonly number[] | null, now: number): boolean {
  const limit = overdueMs?.[alarm.level - 1];
  return limit !== undefined && waitsForAnswer(alarm) && now - alarm.decided_at >= limit;
}

/** By level, within one the longest overdue first. */
export function byLateness(overdueMs: readonly number[]): (a: Alarm, b: Alarm) => number {
  const due = (a: Alarm): number => a.decided_at + (overdueMs[a.level - 1] ?? 0);
  return (a, b) => a.level - b.level || due(a) - due(b) || (a.id < b.id ? -1 : 1);
}
