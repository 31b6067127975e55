/** How figures of data quality are told: a share of nothing is no share, a gap stays visible, and the worst stands first. */
import type { QualityRow } from "../api/types";

export function percent(share: number): string {
  // 99.96 % must not round to "100.0 %": a gap stays visible.
  const value = share * 100;
  return `${value < 100 && value > 99.9 ? "99.9" : value.toFixed(1)} %`;
}

/** A share of nothing is no share: 0 % would tell of a fault where there is none. */
export function shareOf(whole: number, share: number): string {
  return whole === 0 ? "–" : percent(share);
}

/** The worst first; from whom nothing is expected yet, last: there is nothing to say about them. */
export function worst(a: QualityRow, b: QualityRow): number {
  if ((a.expected === 0) !== (b.expected === 0)) return a.expected === 0 ? 1 : -1;
  return a.completeness - b.completeness || b.bad_share - a.bad_share;
}

/** Completeness from which a point counts as whole: the scan under way when the day was cut is not held against it. */
const WHOLE = 0.999;

/** Points that spoil the figures of their enterprise, the worst first. One from which nothing is expected yet spoils nothing. */
export function spoiling<Row extends QualityRow>(points: readonly Row[]): Row[] {
  return points
    .filter((p) => (p.expected > 0 && p.completeness < WHOLE) || (p.received > 0 && p.bad_share > 0))
    .sort((a, b) => a.completeness - a.bad_share - (b.completeness - b.bad_share));
}
