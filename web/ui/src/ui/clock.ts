/**
 * One ticking clock for the whole page, so that a hundred ages on a screen cost one timer. The server's clock is what ages are measured
 * against: the live stream reports it and the difference to this machine's clock is kept here.
 */
import { useSyncExternalStore } from "react";

let offsetMs = 0;
let tenths = Math.floor(Date.now() / 100);
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Tells the clock what the center's clock said just now. Small jitter of the network is ignored. */
export function alignClock(serverMs: number): void {
  const measured = serverMs - Date.now();
  if (Math.abs(measured - offsetMs) > 250) offsetMs = measured;
}

/** The center's time. */
export function now(): number {
  return Date.now() + offsetMs;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    tenths = Math.floor(now() / 100);
    for (const each of listeners) each();
  }, 200);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== undefined) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The center's time, rounded down to `stepMs`: a part redraws only when that changes. */
export function useNow(stepMs: 200 | 1000 | 10_000 = 1000): number {
  return useSyncExternalStore(subscribe, () => Math.floor((tenths * 100) / stepMs) * stepMs);
}
