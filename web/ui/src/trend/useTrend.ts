/**
 * The trend of a point that keeps moving: history from the center, down-sampled to the pixels asked for, with what the live stream has
 * brought since appended to its end. The history is read again now and then, so that what came late enters it.
 */
import { useEffect, useMemo, useRef, useState } from "react";
import { get } from "../api/client";
import type { Trend } from "../api/types";
import { useResource, type Resource } from "../api/useResource";
import { useLive } from "../live/hooks";
import { confirmedAt } from "../live/protocol";
import { now } from "../ui/clock";
import { appendLive, type Sample } from "./series";

export const SPANS = { "10m": 600_000, "1h": 3_600_000, "8h": 28_800_000, "7d": 604_800_000 } as const;
export type Span = keyof typeof SPANS;

/** A fixed window for what is past, or a span that ends now. */
export type Window = { from: number; to: number } | { span: number };

export function useTrend(point: string | null, window: Window, pixels: number): Resource<Trend> {
  const fixed = "from" in window;
  const key = point === null ? null : `trend:${point}:${fixed ? `${window.from}-${window.to}` : window.span}:${pixels}`;
  const every = fixed ? undefined : Math.max(20_000, window.span / 60);
  return useResource(
    key,
    (signal) => {
      const to = fixed ? window.to : Math.round(now());
      const from = fixed ? window.from : to - window.span;
      return get<Trend>(`/points/${encodeURIComponent(point ?? "")}/trend`, { from, to, pixels }, signal);
    },
    every,
  );
}

/** What the stream has brought for this point since `after`; redraws at most once a second. */
export function useLiveTail(point: string | null, after: number | null): readonly Sample[] {
  const { store } = useLive();
  const tail = useRef<Sample[]>([]);
  const [, redraw] = useState(0);
  useEffect(() => {
    tail.current = [];
    if (point === null) return;
    let dirty = false;
    let source = -Infinity;
    const take = (): void => {
      const value = store.value(point);
      if (value && !value.lost) {
        // A value that its source has not changed goes on: it was read again just now.
        const t = value.sourceAt > source ? value.sourceAt : confirmedAt(value);
        source = value.sourceAt;
        tail.current = appendLive(tail.current, { t, v: value.quality === "bad" ? null : value.value });
        dirty = true;
      }
    };
    take();
    const end = store.subscribe(`value:${point}`, take);
    const timer = setInterval(() => {
      if (dirty) redraw((n) => n + 1);
      dirty = false;
    }, 1000);
    return () => {
      end();
      clearInterval(timer);
    };
  }, [store, point]);
  const samples = tail.current;
  const last = samples.at(-1)?.t ?? 0;
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the tail is a ref; its last moment and length say when it changed
  return useMemo(() => samples.filter((s) => after === null || s.t > after), [samples, samples.length, last, after]);
}
