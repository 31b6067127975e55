/** Which points of a piece of equipment speak first, and what their limits say. Plain functions. */
import type { Alarm, LimitKey, Point } from "../api/types";

export const LIMIT_KEYS: readonly LimitKey[] = ["ll", "l", "h", "hh"];
export const LIMIT_CODES: Record<LimitKey, string> = { ll: "LL", l: "L", h: "H", hh: "HH" };

const ORDER = ["level", "pressure", "temperature", "gas_toxic", "gas_combustible", "oxygen", "flow"];
const rank = (p: Point): number => {
  const i = ORDER.indexOf(p.signal);
  return i < 0 ? ORDER.length : i;
};
export const hasLimits = (p: Point): boolean => LIMIT_KEYS.some((k) => p.limits?.[k] != null);

/** Up to three: what is in alarm, then what has limits, of different quantities, in the order level, pressure, temperature, gas. */
export function mainPoints(points: readonly Point[], alarms: readonly Alarm[], wanted: string | null, count = 3): Point[] {
  const worst = (p: Point): number => alarms.reduce((w, a) => (a.point === p.id ? Math.min(w, a.level) : w), 5);
  const analog = points.filter((p) => p.kind === "analog");
  const chosen: Point[] = [];
  const add = (p: Point | undefined): void => {
    if (p && chosen.length < count && !chosen.includes(p)) chosen.push(p);
  };
  add(analog.find((p) => p.id === wanted));
  const sorted = analog.slice().sort((a, b) => rank(a) - rank(b) || Number(hasLimits(b)) - Number(hasLimits(a)) || worst(a) - worst(b) || (a.tag < b.tag ? -1 : 1));
  for (const p of sorted.filter((p) => worst(p) <= 2)) if (!chosen.some((c) => c.signal === p.signal)) add(p);
  for (const p of sorted.filter(hasLimits)) if (!chosen.some((c) => c.signal === p.signal)) add(p);
  for (const p of sorted) add(p);
  return chosen.sort((a, b) => rank(a) - rank(b));
}

/** The point that fills the drawing: the level with limits. */
export function levelPoint(points: readonly Point[]): Point | null {
  const levels = points.filter((p) => p.signal === "level" && p.kind === "analog");
  return levels.find(hasLimits) ?? levels[0] ?? null;
}

/** The shut-off valves that a drawing shows: the one that feeds and the one that lets out. */
export function valvesOf(points: readonly Point[]): { inlet: Point | null; outlet: Point | null } {
  const valves = points.filter((p) => p.kind === "discrete" && p.role === "valve");
  const called = (zh: string, en: string): Point | null => valves.find((p) => p.name.zh.includes(zh) || p.name.en.toLowerCase().includes(en)) ?? null;
  return { inlet: called("进料", "feed"), outlet: called("出料", "discharge") };
}

/** Which limit a value has broken, the outermost first. */
export function brokenLimit(point: Point, value: number | null): LimitKey | null {
  if (value === null || !point.limits) return null;
  const { hh, h, l, ll } = point.limits;
  if (hh && value >= hh.value) return "hh";
  if (ll && value <= ll.value) return "ll";
  if (h && value >= h.value) return "h";
  if (l && value <= l.value) return "l";
  return null;
}

/** Where a value lies on the engineering range, 0 to 1. */
export function shareOfRange(point: Point, value: number): number {
  const [low, high] = point.range;
  return high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0;
}

/** The word of a discrete point's value. */
export function stateOf(point: Point, value: number | null): { name: Point["name"]; alarm: boolean } | null {
  if (point.kind !== "discrete" || value === null) return null;
  return point.states?.find((s) => s.value === Math.round(value)) ?? null;
}

/** The second instrument of the same quantity: 液位 A has 液位 B. Two temperatures at two places are no twins: their names say where. */
export function twinOf(point: Point, points: readonly Point[]): Point | null {
  const stem = (text: string): string => text.replace(/[\s-]*[A-C]$/, "");
  if (point.kind !== "analog" || stem(point.tag) === point.tag) return null;
  return points.find((p) => p.id !== point.id && p.signal === point.signal && p.unit === point.unit && stem(p.tag) === stem(point.tag) && stem(p.name.zh) === stem(point.name.zh)) ?? null;
}

export type Margin = { key: LimitKey; by: number; broken: boolean };

/** How far it is to the nearest limit, or how far beyond the broken one. */
export function marginOf(point: Point, value: number | null): Margin | null {
  if (value === null || !point.limits) return null;
  const broken = brokenLimit(point, value);
  const limit = (key: LimitKey): number | null => point.limits?.[key]?.value ?? null;
  if (broken) return { key: broken, by: Math.abs(value - (limit(broken) ?? value)), broken: true };
  const next = (["h", "hh", "l", "ll"] as const).flatMap((key) => { const at = limit(key); return at === null ? [] : [{ key, by: Math.abs(at - value), broken: false }]; });
  return next.sort((a, b) => a.by - b.by)[0] ?? null;
}

/** Change per minute: the slope of the straight line through the samples; nothing under twenty seconds of them. */
export function ratePerMinute(samples: readonly { t: number; v: number | null }[]): number | null {
  const good = samples.flatMap((s) => (s.v === null ? [] : [{ t: s.t / 60_000, v: s.v }]));
  const [first, last] = [good[0], good.at(-1)];
  if (!first || !last || good.length < 4 || last.t - first.t < 1 / 3) return null;
  const mean = (f: (s: { t: number; v: number }) => number): number => good.reduce((sum, s) => sum + f(s), 0) / good.length;
  const [mt, mv] = [mean((s) => s.t), mean((s) => s.v)];
  const spread = mean((s) => (s.t - mt) ** 2);
  return spread > 0 ? mean((s) => (s.t - mt) * (s.v - mv)) / spread : null;
}
