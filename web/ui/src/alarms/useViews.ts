/** What the views of the desk need from the center: its times, and what I have taken over and not disposed of yet, also where it is over. */
import { useMemo } from "react";
import { get, getAll } from "../api/client";
import type { Alarm } from "../api/types";
import { useResource } from "../api/useResource";
import { useUser } from "../session/session";
import { byPriority } from "./alarm";

/** After how long an unanswered alarm is overdue, by level 1 to 4; `null` until known. */
export function useOverdueMs(): readonly number[] | null {
  return useResource("desk", (signal) => get<{ overdue_ms: number[] }>("/desk", undefined, signal)).data?.overdue_ms ?? null;
}

/** `open` are those of them that stand or wait, from the stream. */
export function useMine(wanted: boolean, open: readonly Alarm[]): { alarms: readonly Alarm[]; loading: boolean } {
  const me = useUser().username;
  const read = useResource(wanted ? `mine:${me}` : null, (signal) => getAll<Alarm>("/alarms", { open: false, owner: me, disposed: false, limit: 500 }, 500, signal), 30_000);
  const alarms = useMemo(() => {
    const all = new Map((read.data ?? []).map((a) => [a.id, a]));
    for (const a of open) all.set(a.id, a);
    return [...all.values()].sort(byPriority);
  }, [read.data, open]);
  return { alarms, loading: read.loading };
}
