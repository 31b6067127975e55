/**
 * What an alarm looks like to a person: its title, its place, its state, its order in a list. Plain functions over the wire type; the words
 * come in as a translate function, so that both languages run through the same rules.
 */
import type { Alarm, Level } from "../api/types";
import type { Language, MessageKey, Translate } from "../i18n";
import { localName } from "../i18n/name";
import { formatNumber } from "../ui/number";
import { isQuiet } from "./state";

export type Tone = "loud" | "quiet";
export type Badge = { label: MessageKey; tone: Tone; outline: boolean };

export function alarmBadge({ state }: Pick<Alarm, "state">): Badge {
  switch (state) {
    case "unacknowledged":
      return { label: "alarms.state.unacknowledged", tone: "loud", outline: false };
    case "acknowledged":
      return { label: "alarms.state.acknowledged", tone: "quiet", outline: false };
    case "returned_unacknowledged":
      return { label: "alarms.state.returned_unacknowledged", tone: "quiet", outline: true };
    case "latched_unacknowledged":
    case "latched_acknowledged":
    case "shelved":
    case "suppressed":
    case "out_of_service":
      return { label: `alarms.state.${state}`, tone: "quiet", outline: true };
    case "closed":
      return { label: "alarms.state.closed", tone: "quiet", outline: true };
  }
}

export const stands = ({ state }: Pick<Alarm, "state">): boolean => state === "unacknowledged" || state === "acknowledged";
export const waitsForAnswer = ({ state }: Pick<Alarm, "state">): boolean => state === "unacknowledged" || state === "returned_unacknowledged" || state === "latched_unacknowledged";

/** The tag of the equipment inside its identity `ENTERPRISE.TAG`. */
export function tagOf(id: string): string {
  const dot = id.indexOf(".");
  return dot < 0 ? id : id.slice(dot + 1);
}

const SIGNAL_KEYS = new Set<string>(["level", "pressure", "temperature", "flow", "gas_combustible", "gas_toxic", "oxygen", "state", "humidity", "wind_speed", "wind_direction"]);
export function signalKey(signal: string | null | undefined): MessageKey {
  return signal && SIGNAL_KEYS.has(signal) ? (`signal.${signal}` as MessageKey) : "signal.other";
}

const isGas = (signal: string | null): boolean => signal?.startsWith("gas_") === true || signal === "oxygen";

/**
 * The line that names an alarm: `V-1203 液位高高报`. A measured quantity is named by its equipment; a gas detector, whose equipment is an
 * area, by its own tag; a node of the data path by what is lost.
 */
export function alarmTitle(alarm: Alarm, t: Translate, language: Language): string {
  const condition = t(`alarms.condition.${alarm.condition}`);
  const subject = alarm.subject;
  if (subject.startsWith("gateway:")) return t("alarms.gatewayLost", { name: subject.slice("gateway:".length) });
  if (subject.startsWith("device:")) return t("alarms.deviceLost", { name: subject.slice("device:".length).split("/").pop() ?? subject });
  if (subject === "center") return t("alarms.centerLost");
  const tag = alarm.tag ?? tagOf(subject);
  const word = alarm.signal && signalKey(alarm.signal) !== "signal.other" ? t(signalKey(alarm.signal)) : localName(alarm.name, language);
  // A detector is named after what it smells: 氯气, not 有毒气体.
  const own = localName(alarm.name, language);
  if (isGas(alarm.signal) && own) return `${tag} ${t("alarms.what", { name: language === "en-US" ? own.toLowerCase() : own, condition })}`;
  const signal = language === "en-US" ? word.toLowerCase() : word;
  const named = alarm.equipment && !isGas(alarm.signal) && alarm.signal !== "state" ? tagOf(alarm.equipment) : tag;
  return `${named} ${t("alarms.what", { name: alarm.signal === "state" ? localName(alarm.name, language) : signal, condition })}`;
}

/** What a list puts beside the title: the instrument's own tag where the title names the vessel, so that A and B of one tank differ. */
export function alarmTag(alarm: Alarm, title: string): string {
  const tag = alarm.point && alarm.subject === alarm.point ? (alarm.tag ?? tagOf(alarm.point)) : "";
  return tag === "" || title.startsWith(`${tag} `) ? "" : tag;
}

/** Where it is: enterprise, then the point's own tag and name. */
export function alarmPlace(alarm: Alarm, language: Language): string {
  // A node of the data path is named in the title already.
  if (!alarm.point) return localName(alarm.enterprise_name, language);
  const tag = alarm.tag ?? tagOf(alarm.point);
  return [localName(alarm.enterprise_name, language), [tag, localName(alarm.name, language)].filter(Boolean).join(" ")].filter(Boolean).join(" · ");
}

export function alarmValue(alarm: Alarm, value: number | null = alarm.value): string {
  if (value === null) return "";
  return [formatNumber(value, alarm.decimals ?? 1), alarm.unit].filter(Boolean).join(" ");
}

const RANK: Record<Alarm["state"], number> = { unacknowledged: 0, returned_unacknowledged: 1, latched_unacknowledged: 1, acknowledged: 2, latched_acknowledged: 2, shelved: 3, suppressed: 3, out_of_service: 3, closed: 4 };

/** By level; what stands unanswered, then what has returned unanswered, then what is answered; newest first. The identity comes last, so that the order never depends on chance. */
export function byPriority(a: Alarm, b: Alarm): number {
  return a.level - b.level || RANK[a.state] - RANK[b.state] || b.raised_at - a.raised_at || (a.id < b.id ? -1 : 1);
}

export const byTime = (a: Alarm, b: Alarm): number => b.raised_at - a.raised_at || (a.id < b.id ? -1 : 1);

/**
 * The alarm that marks a point or vessel: the gravest that stands; where none stands, the gravest that has returned and waits, in outline.
 */
export function markOf(alarms: Iterable<Alarm>): { alarm: Alarm; outline: boolean } | null {
  const open = [...alarms].filter((a) => a.state !== "closed" && !isQuiet(a)).sort((a, b) => a.level - b.level);
  const standing = open.find(stands);
  if (standing) return { alarm: standing, outline: false };
  return open[0] ? { alarm: open[0], outline: true } : null;
}

export function countByLevel(alarms: Iterable<Alarm>): [number, number, number, number] {
  const counts: [number, number, number, number] = [0, 0, 0, 0];
  for (const { level } of alarms) counts[level - 1] = (counts[level - 1] ?? 0) + 1;
  return counts;
}

export type Filter = { level: Level | null; unacknowledged: boolean; text: string };

export function matches(alarm: Alarm, filter: Filter, t: Translate, language: Language): boolean {
  if (filter.level !== null && alarm.level !== filter.level) return false;
  if (filter.unacknowledged && !waitsForAnswer(alarm)) return false;
  const text = filter.text.trim().toLowerCase();
  return text === "" || `${alarmTitle(alarm, t, language)} ${alarmPlace(alarm, language)}`.toLowerCase().includes(text);
}

/** The unacknowledged one that has waited longest; the graver one of two. */
export function oldestUnanswered(alarms: readonly Alarm[]): Alarm | null {
  return alarms.filter(waitsForAnswer).reduce<Alarm | null>((oldest, a) => (oldest === null || a.raised_at < oldest.raised_at ? a : oldest), null);
}

/** Until when an alarm lasted, or now. */
export const endOf = (alarm: Alarm, now: number): number => alarm.cleared_at ?? now;
