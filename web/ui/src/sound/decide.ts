/**
 * What should sound now (design-language §8): the gravest unacknowledged level, in its rhythm, one sound per group, until acknowledged.
 * Pure: the time comes in, the tone to play comes out; `engine.ts` makes it heard.
 */
import type { AlarmState } from "../api/types";

export type Level = 1 | 2 | 3 | 4;
/** An unacknowledged alarm; alarms of one equipment ring as one group. */
export type Ringing = { id: string; group: string; level: Level };
/**
 * Which alarms ring. What stands unanswered rings with its level. What was grave and has returned by itself still waits for its answer: it goes on
 * in the calmer rhythm of level 2, so that nobody misses what came and went, and a flood that is over does not shout.
 */
export function ringingOf(alarms: Iterable<{ id: string; group: string; level: Level; state: AlarmState }>): Ringing[] {
  const out: Ringing[] = [];
  for (const { id, group, level, state } of alarms) {
    if (state === "unacknowledged") out.push({ id, group, level });
    else if ((state === "returned_unacknowledged" || state === "latched_unacknowledged") && level <= 2) out.push({ id, group, level: 2 });
  }
  return out;
}

export type Tone = { frequencies: number[]; each: number; volume: number };
export type Heard = {
  mutedUntil: number | null;
  /** When the present ringing of level 1 began: the volume rises from there. */
  risingSince: number | null;
  lastPlayed: number;
  lastLevel: Level | null;
  /** Groups of level 3 that had their one tone, and alarms of level 1 that were spoken or broke a mute. */
  softDone: ReadonlySet<string>;
  ones: ReadonlySet<string>;
};
export type Decision = { heard: Heard; tone: Tone | null; speak: string | null };

export const MUTE_MAX_MS = 10 * 60_000;
export const silent: Heard = { mutedUntil: null, risingSince: null, lastPlayed: -Infinity, lastLevel: null, softDone: new Set(), ones: new Set() };

const EVERY_MS: Record<1 | 2, number> = { 1: 4000, 2: 12_000 };
const LOST_EVERY_MS = 20_000;
const RISE_MS = 30_000;

export function mute(heard: Heard, now: number, forMs: number = MUTE_MAX_MS): Heard {
  return { ...heard, mutedUntil: now + Math.min(forMs, MUTE_MAX_MS) };
}

export function unmute(heard: Heard): Heard {
  return { ...heard, mutedUntil: null };
}

export function decide(before: Heard, ringing: readonly Ringing[], streamLost: boolean, now: number): Decision {
  const level = ringing.reduce<Level | null>((worst, r) => (worst === null || r.level < worst ? r.level : worst), null);
  const ones = new Set(ringing.filter((r) => r.level === 1).map((r) => r.id));
  const freshOne = [...ones].find((id) => !before.ones.has(id)) ?? null;

  let mutedUntil = before.mutedUntil !== null && now < before.mutedUntil ? before.mutedUntil : null;
  if (freshOne !== null) mutedUntil = null;

  const heard: Heard = {
    mutedUntil,
    risingSince: level === 1 ? (before.risingSince ?? now) : null,
    lastPlayed: before.lastPlayed,
    lastLevel: level,
    softDone: new Set([...before.softDone].filter((g) => ringing.some((r) => r.group === g))),
    ones,
  };
  if (mutedUntil !== null) return { heard, tone: null, speak: null };

  const play = (tone: Tone, more: Partial<Heard> = {}): Decision => ({ heard: { ...heard, lastPlayed: now, ...more }, tone, speak: freshOne });
  const graver = level !== null && (before.lastLevel === null || level < before.lastLevel);
  const due = (every: number): boolean => graver || freshOne !== null || now - before.lastPlayed >= every;

  if (level === 1 && due(EVERY_MS[1])) {
    const rise = Math.min(1, (now - (heard.risingSince ?? now)) / RISE_MS);
    return play({ frequencies: [660, 880, 660], each: 180, volume: 0.25 + 0.75 * rise });
  }
  if (level === 2 && due(EVERY_MS[2])) return play({ frequencies: [660, 660], each: 180, volume: 0.7 });
  if (level === 3) {
    const fresh = ringing.find((r) => r.level === 3 && !heard.softDone.has(r.group));
    if (fresh) {
      const all = ringing.filter((r) => r.level === 3).map((r) => r.group);
      return play({ frequencies: [440], each: 220, volume: 0.35 }, { softDone: new Set([...heard.softDone, ...all]) });
    }
  }
  if (streamLost && now - before.lastPlayed >= LOST_EVERY_MS) return play({ frequencies: [440, 330], each: 200, volume: 0.5 });
  return { heard, tone: null, speak: null };
}
