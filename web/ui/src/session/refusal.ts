/** What to tell a person whose sign-in was refused (design-language §13, row 12). */
import { ApiError } from "../api/client";
import type { MessageKey, Params } from "../i18n";

export type Refusal = { key: MessageKey; params?: Params; field: "username" | "password" | null };

/** The center locks for a quarter of an hour; where the answer names the end of the lock, that is used. */
const LOCK_MINUTES = 15;

export function refusalOf(error: unknown, now: number): Refusal {
  if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) return { key: "session.network", field: null };
  if (error.status === 423) {
    const until = error.body["until"];
    if (typeof until !== "number") return { key: "session.lockedPlain", field: null };
    return { key: "session.locked", params: { minutes: Math.max(1, Math.ceil((until - now) / 60_000)) }, field: null };
  }
  const remaining = error.body["remaining"];
  if (typeof remaining === "number") return { key: "session.wrongLeft", params: { n: remaining, minutes: LOCK_MINUTES }, field: "password" };
  return { key: "session.wrong", field: "password" };
}
