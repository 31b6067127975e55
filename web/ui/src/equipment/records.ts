/** The records of a day, out of the alarms that touched it: raised, acknowledged, returned; newest first. */
import type { Alarm } from "../api/types";

export type Record = { key: string; at: number; kind: "raised" | "acknowledged" | "cleared"; alarm: Alarm };

export function recordsOf(alarms: Iterable<Alarm>, since: number): Record[] {
  const out: Record[] = [];
  for (const alarm of alarms) {
    out.push({ key: `${alarm.id}+`, at: alarm.raised_at, kind: "raised", alarm });
    if (alarm.acknowledged) out.push({ key: `${alarm.id}a`, at: alarm.acknowledged.at, kind: "acknowledged", alarm });
    if (alarm.cleared_at !== null) out.push({ key: `${alarm.id}-`, at: alarm.cleared_at, kind: "cleared", alarm });
  }
  return out.filter((r) => r.at >= since).sort((a, b) => b.at - a.at || (a.key < b.key ? 1 : -1));
}

export function startOfDay(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0);
}
