/** Open alarms as a page wants them: in its region or enterprise, in order, with the values behind them kept live. */
import { useMemo } from "react";
import type { Alarm } from "../api/types";
import { regionPath, useDirectory } from "../enterprise/directory";
import { useOpenAlarms, useSubscription } from "../live/hooks";
import { byPriority } from "./alarm";

/** How many points one subscription may name (docs/protocols/live.md). */
const POINTS_MAX = 200;

/** The open alarms of a region, gravest first. Those of no enterprise (the center's own link) belong to everybody. */
export function useAlarmsOf(region: string | null): Alarm[] {
  const open = useOpenAlarms();
  const { regions, enterprises, home } = useDirectory();
  return useMemo(() => {
    const all = [...open.values()].sort(byPriority);
    if (region === null || region === home) return all;
    const inside = new Set([...enterprises.values()].filter((e) => regionPath(regions, e.region).some((r) => r.code === region)).map((e) => e.code));
    return all.filter((a) => a.enterprise === null || inside.has(a.enterprise));
  }, [open, region, regions, enterprises, home]);
}

/** Keeps the values behind the first alarms of a list live. */
export function useAlarmValues(id: string, alarms: readonly Alarm[]): void {
  const points = useMemo(() => [...new Set(alarms.slice(0, POINTS_MAX).flatMap((a) => (a.point ? [a.point] : [])))].sort(), [alarms]);
  useSubscription(id, points.length > 0 ? { points } : null);
}
