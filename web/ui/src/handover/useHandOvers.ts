/** Hand-overs of the signed-in person, read anew every so often: an offer must be seen soon and is no alarm. */
import { get } from "../api/client";
import type { Alarm, Role } from "../api/types";
import { useResource, type Resource } from "../api/useResource";
import { mayAcknowledge, useUser } from "../session/session";

export type HandOverState = "offered" | "accepted" | "declined" | "withdrawn";
export type HandOver = {
  no: number; from: string; from_name: string; to: string; to_name: string; note: string; count: number; made_at: number; state: HandOverState; settled_at: number | null; answer: string; alarms?: Alarm[];
};
export type Colleague = { username: string; name: string; role: Role };

const EVERY_MS = 20_000;

export function useHandOvers(): Resource<HandOver[]> {
  const user = useUser();
  return useResource(mayAcknowledge(user) ? "hand-overs" : null, async (signal) => (await get<{ items: HandOver[] }>("/hand-overs", undefined, signal)).items, EVERY_MS);
}

/** Those that wait for this person's answer. */
export const incomingOf = (all: readonly HandOver[] | null, me: string): HandOver[] => (all ?? []).filter((h) => h.to === me && h.state === "offered");
