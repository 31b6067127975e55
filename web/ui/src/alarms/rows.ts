/**
 * Rows that do not jump under the pointer (design-language §8). While somebody uses the list its order and its members are frozen: news wait
 * and are counted, ended alarms stay in place looking ended. Released, the list takes its true order.
 */
import type { Alarm } from "../api/types";

export type Rows = { shown: readonly Alarm[]; waiting: number };

/** `held` is what the list showed when it was taken hold of; `null` when nobody holds it. */
export function rowsOf(current: readonly Alarm[], held: readonly Alarm[] | null, lookUp: (id: string) => Alarm | undefined): Rows {
  if (held === null) return { shown: current, waiting: 0 };
  const known = new Set(held.map((a) => a.id));
  return {
    shown: held.map((a) => lookUp(a.id) ?? { ...a, state: "closed" }),
    waiting: current.filter((a) => !known.has(a.id)).length,
  };
}
