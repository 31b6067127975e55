/**
 * From buckets of the center to what a chart draws: a line that keeps the extremes of every bucket, gaps where data is bad or missing (a
 * gap is never bridged and never zero), and the stretches to hatch with how long they lasted.
 */
import type { TrendBucket } from "../api/types";

/** One drawn point; a null value breaks the line. */
export type Sample = { t: number; v: number | null };
/** `before`: nothing had come yet at the beginning of the window, so nothing is known to be missing. */
export type Gap = { from: number; to: number; kind: "bad" | "missing" | "before" };

/** A live tail holds at most this many samples; beyond it the history has long been read again. */
const TAIL_MAX = 4000;

export function appendLive(tail: readonly Sample[], sample: Sample): Sample[] {
  const last = tail.at(-1);
  if (last && sample.t <= last.t) return tail as Sample[];
  return [...tail.slice(-TAIL_MAX + 1), sample];
}

function bucketLength(buckets: readonly TrendBucket[], from: number, to: number): number {
  const [a, b] = [buckets[0], buckets[1]];
  return a && b ? b.t - a.t : to - from;
}

/** First, the two extremes, last: four points of a bucket keep its shape; one when they are the same. */
export function lineOf(buckets: readonly TrendBucket[], length: number): Sample[] {
  const out: Sample[] = [];
  let before: TrendBucket | null = null;
  for (const b of buckets) {
    const empty = b.count === 0 || b.min === null || b.max === null;
    if (before && b.t - before.t > length * 1.5) out.push({ t: before.t + length, v: null });
    if (empty) {
      if (b.bad > 0 || out.at(-1)?.v != null) out.push({ t: b.t, v: null });
    } else {
      const [first, last] = [b.first ?? b.min, b.last ?? b.max];
      if (b.count === 1 || b.min === b.max) out.push({ t: b.t, v: last });
      else {
        // Rising or falling inside the bucket: the nearer extreme first, so that the line does not zigzag.
        const [near, far] = (last ?? 0) >= (first ?? 0) ? [b.min, b.max] : [b.max, b.min];
        out.push({ t: b.t, v: first }, { t: b.t + length * 0.33, v: near }, { t: b.t + length * 0.66, v: far }, { t: b.t + length * 0.99, v: last });
      }
    }
    before = b;
  }
  return out;
}

/**
 * The stretches without a good value. Bad: the instrument said so. Missing: nothing came for longer than a point may be silent. Buckets finer
 * than the scan are empty by nature, so a gap must be longer than `silence`.
 */
export function gapsOf(buckets: readonly TrendBucket[], from: number, to: number, silence: number): Gap[] {
  const length = bucketLength(buckets, from, to);
  const gaps: Gap[] = [];
  let at = from;
  let open: Gap | null = null;
  const close = (end: number): void => {
    if (open) {
      open.to = end;
      if (open.kind === "bad" || open.to - open.from > Math.max(silence, length * 1.5)) gaps.push(open);
      open = null;
    }
  };
  for (const b of buckets) {
    if (b.t > at + length * 1.5 && !open) open = { from: at, to: b.t, kind: "missing" };
    const good = b.count > b.bad && b.min !== null;
    if (good) close(b.t);
    else {
      const kind = b.bad > 0 ? "bad" : "missing";
      if (open && (open as Gap).kind !== kind) close(b.t);
      open ??= { from: b.t, to: b.t, kind };
    }
    at = b.t + length;
  }
  if (open || to - at > Math.max(silence, length * 1.5)) {
    open ??= { from: at, to, kind: "missing" };
    close(to);
  }
  const first = gaps[0];
  if (first && first.kind === "missing" && first.from === from && first.to < to) gaps[0] = { ...first, kind: "before" };
  return gaps;
}

export type Extent = { low: number; high: number };

/** The scale: all that is drawn, the limits near it, and a little air; a flat line is not blown up to noise. */
export function extentOf(samples: readonly Sample[], limits: readonly number[], range: readonly [number, number] | null): Extent {
  const values = samples.flatMap((s) => (s.v === null ? [] : [s.v]));
  if (values.length === 0) return range ? { low: range[0], high: range[1] } : { low: 0, high: 1 };
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const full = range ? range[1] - range[0] : Math.max(Math.abs(high), 1);
  const least = full * 0.04;
  // A limit within reach belongs into the picture; one far away would flatten the line.
  const reach = Math.max((high - low) * 1.5, full * 0.12);
  for (const limit of limits) {
    if (limit > high && limit - high <= reach) high = limit;
    if (limit < low && low - limit <= reach) low = limit;
  }
  const span = Math.max(high - low, least);
  const middle = (high + low) / 2;
  return { low: middle - span * 0.58, high: middle + span * 0.58 };
}

/** Evenly thinned values for a sparkline, gaps kept. */
export function sparkValues(buckets: readonly TrendBucket[]): (number | null)[] {
  return buckets.map((b) => (b.count === 0 ? null : (b.last ?? b.max)));
}
