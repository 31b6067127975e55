/** What a point shows now: the live value with its face; before the stream has brought one, the value that came with the point. */
import { useEffect } from "react";
import type { Point } from "../api/types";
import { confirmedAt, liveValue, type LiveValue } from "../live/protocol";
import { useLive, useLiveValue, useStreamLost } from "../live/hooks";
import { useNow } from "../ui/clock";
import { faceOf, type Face } from "../ui/quality";

export type Reading = { live: LiveValue | null; face: Face };

export function useReading(point: Point): Reading {
  const live = useLiveValue(point.id) ?? null;
  const streamLost = useStreamLost();
  const now = useNow(1000);
  if (!live) return { live: null, face: "stale" };
  if (live.lost) return { live, face: live.quality === "bad" ? "bad" : "stale" };
  return { live, face: faceOf({ quality: live.quality, ageMs: now - confirmedAt(live), scanMs: point.scan_ms, streamLost }) };
}

/** Puts the values that came with points into the live store, where the stream overtakes them. */
export function useSeed(points: readonly Point[] | null): void {
  const { store } = useLive();
  useEffect(() => {
    for (const p of points ?? []) if (p.value) store.seedValue(p.id, liveValue(p.value));
  }, [store, points]);
}
