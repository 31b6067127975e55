/** What a row of the limits editor begins with: the defaults of the point's signal type, as the center keeps them. */
import type { components } from "../api/generated";
import type { Point } from "../api/types";
import type { LimitName } from "./LimitsForm";

export type AlarmDefaults = components["schemas"]["AlarmDefaultsBody"];
export type Blank = { deadband: number; on: number; off: number };

/** A delay that a later sample can end: as long as a scan, where there is one at all. */
const scans = (delay: number, scan: number): number => (delay === 0 ? 0 : Math.max(delay, scan));

/** The row of a signal type: its own, or that of all other types. */
export const defaultsOf = (rows: readonly AlarmDefaults[], signal: string): AlarmDefaults | undefined =>
  rows.find((row) => row.signal === signal) ?? rows.find((row) => row.signal === "*");

/** Deadband in the unit of the point, delays in seconds. The deadband of a rate is a tenth of a limit that is not known yet: none. */
export function blankOf(rows: readonly AlarmDefaults[], point: Pick<Point, "signal" | "range" | "scan_ms">): (name: LimitName) => Blank {
  const row = defaultsOf(rows, point.signal);
  if (!row) return () => ({ deadband: 0, on: 0, off: 0 });
  const share = Number(((point.range[1] - point.range[0]) * (row.deadband_percent / 100)).toPrecision(4));
  const off = scans(row.off_delay_ms, point.scan_ms) / 1000;
  return (name) => ({
    deadband: name === "rate_per_min" ? 0 : share,
    on: (name === "hh" || name === "ll" ? row.urgent_on_delay_ms : scans(row.on_delay_ms, point.scan_ms)) / 1000,
    off,
  });
}
