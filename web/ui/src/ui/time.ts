/**
 * Times and durations as design-language §10 writes them. The viewer's zone is used throughout; evidence goes to the millisecond.
 */
const pad = (n: number, width = 2): string => String(n).padStart(width, "0");

export function parseTime(text: string | null | undefined): number | null {
  if (!text) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** 03:12 */
export function hourMinute(ms: number): string {
  const d = new Date(ms);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}`;
}

/** 03:12:46 */
export function clockTime(ms: number): string {
  return `${hourMinute(ms)}:${pad(new Date(ms).getSeconds())}`;
}

/** 03:12:46.213, for evidence */
export function exactTime(ms: number): string {
  return `${clockTime(ms)}.${pad(new Date(ms).getMilliseconds(), 3)}`;
}

const WEEKDAYS_ZH = ["日", "一", "二", "三", "四", "五", "六"] as const;
const MONTHS_EN = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const WEEKDAYS_EN = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;

export type Language = "zh-CN" | "en-US";

/** 11-24 周二; with the year when it is not this year. English: Tue 24 Nov */
export function dayLabel(ms: number, language: Language, now: number = Date.now()): string {
  const d = new Date(ms);
  const otherYear = d.getFullYear() !== new Date(now).getFullYear();
  if (language === "zh-CN") {
    return `${otherYear ? `${d.getFullYear()}-` : ""}${pad(d.getMonth() + 1)}-${pad(d.getDate())} 周${WEEKDAYS_ZH[d.getDay()] ?? ""}`;
  }
  return `${WEEKDAYS_EN[d.getDay()] ?? ""} ${d.getDate()} ${MONTHS_EN[d.getMonth()] ?? ""}${otherYear ? ` ${d.getFullYear()}` : ""}`;
}

/** The moment as a list shows it: the time alone when it is today or in the last twelve hours, otherwise the day too. */
export function listTime(ms: number, now: number = Date.now()): string {
  const [d, n] = [new Date(ms), new Date(now)];
  if (d.toDateString() === n.toDateString() || Math.abs(now - ms) < 12 * 3_600_000) return hourMinute(ms);
  const year = d.getFullYear() === n.getFullYear() ? "" : `${d.getFullYear()}-`;
  return `${year}${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${hourMinute(ms)}`;
}

/** 00:48, 1:00:37 */
export function duration(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${pad(m)}:${pad(s)}`;
}

/** 4 分 12 秒 / 4 min 12 s: the two largest parts. */
export function durationWords(ms: number, language: Language): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const parts: [number, string, string][] = [
    [Math.floor(total / 86400), "天", "d"],
    [Math.floor((total % 86400) / 3600), "小时", "h"],
    [Math.floor((total % 3600) / 60), "分", "min"],
    [total % 60, "秒", "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  const shown = parts.slice(first < 0 ? 3 : first).slice(0, 2).filter(([n], i) => i === 0 || n > 0);
  return shown.map(([n, zh, en]) => `${n} ${language === "zh-CN" ? zh : en}`).join(" ");
}

/** The age beside a value: tenths while fresh, then whole seconds, from ten minutes in minutes and from an hour in hours. */
export function age(ms: number): string {
  const s = Math.max(0, ms / 1000);
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 600) return `${Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400 * 2) return `${(s / 3600).toFixed(1)} h`;
  return `${Math.floor(s / 86400)} d`;
}
