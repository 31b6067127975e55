/**
 * Days and times by the clock of a unit, which may not be the viewer's. A day is `YYYY-MM-DD`; arithmetic is done on its UTC midnight, so
 * that no summer time of the viewer gets in.
 */
import type { Language } from "../ui/time";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const pad = (n: number): string => String(n).padStart(2, "0");

export const dayOf = (ms: number, offsetMin: number): string => new Date(ms + offsetMin * MINUTE_MS).toISOString().slice(0, 10);
export const addDays = (day: string, n: number): string => new Date(Date.parse(day) + n * DAY_MS).toISOString().slice(0, 10);
/** The instant at which a day begins. */
export const startOf = (day: string, offsetMin: number): number => Date.parse(day) - offsetMin * MINUTE_MS;
/** 0 is Monday. */
export const weekdayOf = (day: string): number => (new Date(day).getUTCDay() + 6) % 7;

/** The Monday of a day's week. */
export const mondayOf = (day: string): string => addDays(day, -weekdayOf(day));

/** The days that a view shows: a week from its Monday, or the whole weeks of a month. */
export function shownDays(view: "week" | "month", day: string): string[] {
  if (view === "week") return Array.from({ length: 7 }, (_, i) => addDays(mondayOf(day), i));
  const first = mondayOf(`${day.slice(0, 7)}-01`);
  const month = new Date(`${day.slice(0, 7)}-01`);
  const last = new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 0)).toISOString().slice(0, 10);
  const weeks = Math.ceil((Date.parse(last) - Date.parse(first) + DAY_MS) / (7 * DAY_MS));
  return Array.from({ length: weeks * 7 }, (_, i) => addDays(first, i));
}

/** One view earlier or later. */
export function step(view: "week" | "month", day: string, by: 1 | -1): string {
  if (view === "week") return addDays(day, 7 * by);
  const at = new Date(`${day.slice(0, 7)}-01`);
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + by, 1)).toISOString().slice(0, 10);
}

export function hourMinuteAt(ms: number, offsetMin: number): string {
  const at = new Date(ms + offsetMin * MINUTE_MS);
  return `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
}

/** 11-25 20:00; the time alone on the same day as `near`. */
export function momentAt(ms: number, offsetMin: number, near?: number): string {
  const day = dayOf(ms, offsetMin);
  const time = hourMinuteAt(ms, offsetMin);
  return near !== undefined && dayOf(near, offsetMin) === day ? time : `${day.slice(5)} ${time}`;
}

/** `2026-11-25T08:00` of a form, by the unit's clock. */
export function instantOf(local: string, offsetMin: number): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(local)) return null;
  const ms = Date.parse(`${local}:00Z`);
  return Number.isNaN(ms) ? null : ms - offsetMin * MINUTE_MS;
}

const ZH = ["一", "二", "三", "四", "五", "六", "日"] as const;
const EN = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
export const weekdayName = (day: string, language: Language): string => (language === "zh-CN" ? `周${ZH[weekdayOf(day)] ?? ""}` : (EN[weekdayOf(day)] ?? ""));

/** UTC+8, UTC+5:30 */
export function offsetName(minutes: number): string {
  const [h, m] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? "-" : "+"}${h}${m ? `:${pad(m)}` : ""}`;
}
