/**
 * The records of a day, out of the alarms that touched it. One row is one event: what rose and fell again belongs together, an alarm that comes
 * and goes is counted, and what two instruments of one quantity say in the same moment is one thing.
 */
import type { Alarm } from "../api/types";

export type Episode = {
  key: string;
  /** The alarms behind it, newest first; the first is opened by a click. */
  alarms: Alarm[];
  first: number;
  last: number;
  /** How often it rose; instruments that rise together count once. */
  times: number;
  /** When the last of it fell; null while something stands. */
  cleared: number | null;
  tags: string[];
};

/** What comes again within this time of its end is the same event. */
const AGAIN_MS = 5 * 60_000;
/** Two instruments of one quantity speak within this time of each other. */
const TOGETHER_MS = 3000;

export function episodesOf(alarms: Iterable<Alarm>, since: number): Episode[] {
  const rising = [...alarms].filter((a) => a.raised_at >= since || a.cleared_at === null || a.cleared_at >= since).sort((a, b) => a.raised_at - b.raised_at || (a.id < b.id ? -1 : 1));
  const runs: Episode[] = [];
  const open = new Map<string, Episode>();
  for (const alarm of rising) {
    const key = `${alarm.subject}|${alarm.condition}`;
    const run = open.get(key);
    if (run && run.cleared !== null && alarm.raised_at - run.cleared <= AGAIN_MS) {
      run.alarms.unshift(alarm);
      run.last = alarm.raised_at;
      run.times += 1;
      run.cleared = alarm.cleared_at;
    } else {
      const fresh: Episode = { key: alarm.id, alarms: [alarm], first: alarm.raised_at, last: alarm.raised_at, times: 1, cleared: alarm.cleared_at, tags: alarm.tag ? [alarm.tag] : [] };
      runs.push(fresh);
      open.set(key, fresh);
    }
  }
  const out: Episode[] = [];
  for (const run of runs) {
    const a = run.alarms[0];
    const twin = out.find((o) => {
      const b = o.alarms[0];
      return a && b && a.signal !== null && a.signal === b.signal && a.signal !== "state" && a.condition === b.condition && a.level === b.level && a.subject !== b.subject && !o.tags.some((tag) => run.tags.includes(tag))
        && o.times === run.times && Math.abs(o.first - run.first) <= TOGETHER_MS && Math.abs(o.last - run.last) <= TOGETHER_MS;
    });
    if (!twin) {
      out.push(run);
      continue;
    }
    twin.alarms.push(...run.alarms);
    twin.tags = [...twin.tags, ...run.tags].sort();
    twin.cleared = twin.cleared === null || run.cleared === null ? null : Math.max(twin.cleared, run.cleared);
  }
  return out.sort((a, b) => b.last - a.last || (a.key < b.key ? 1 : -1));
}

/** The answers to an event, one per person and comment, newest first. */
export function answersOf(episode: Episode): { by: string; at: number; comment: string }[] {
  const seen = new Map<string, { by: string; at: number; comment: string }>();
  for (const { acknowledged: a } of episode.alarms) {
    if (!a) continue;
    const by = a.name || a.by;
    const key = `${by}|${a.comment}`;
    const there = seen.get(key);
    if (!there || there.at < a.at) seen.set(key, { by, at: a.at, comment: a.comment });
  }
  // Who has said something has also answered: the wordless answers of the same person add nothing.
  const all = [...seen.values()];
  return all.filter((a) => a.comment !== "" || !all.some((b) => b.by === a.by && b.comment !== "")).sort((a, b) => b.at - a.at);
}

export function startOfDay(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0);
}
