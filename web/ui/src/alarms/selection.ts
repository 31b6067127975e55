/**
 * Choosing many alarms to answer them at once. What is chosen is what the person saw: alarms that come later are not in it, and what has
 * left the list in the meantime leaves the choice as well.
 */
import type { Alarm } from "../api/types";

/** As the center takes them in one request (docs/protocols/http.md). */
export const CHOSEN_MAX = 10_000;

export function toggled(chosen: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(chosen);
  if (!next.delete(id) && next.size < CHOSEN_MAX) next.add(id);
  return next;
}

/** All of the list, or none where all of it is chosen already. */
export function toggledAll(chosen: ReadonlySet<string>, list: readonly Pick<Alarm, "id">[]): ReadonlySet<string> {
  const all = list.slice(0, CHOSEN_MAX).map((a) => a.id);
  return all.every((id) => chosen.has(id)) ? new Set() : new Set(all);
}

/** What is still there, in the order of the list: the order in which the answers enter the log. */
export function stillThere(chosen: ReadonlySet<string>, list: readonly Alarm[]): Alarm[] {
  return list.filter((a) => chosen.has(a.id));
}

export type Outcome = { id: string; outcome: string; message?: string };

/** How many were done, and why the others were not: each reason once, with how often. */
export function summaryOf(items: readonly Outcome[]): { done: number; refused: { code: string; message: string; n: number }[] } {
  const refused = new Map<string, { code: string; message: string; n: number }>();
  let done = 0;
  for (const { outcome, message } of items) {
    if (outcome === "done") {
      done += 1;
      continue;
    }
    const known = refused.get(outcome);
    if (known) known.n += 1;
    else refused.set(outcome, { code: outcome, message: message ?? outcome, n: 1 });
  }
  return { done, refused: [...refused.values()].sort((a, b) => b.n - a.n) };
}
