/**
 * How far a value may be believed, and so how it looks (design-language §2.3 and §9). Bad beats stale: an instrument that says it is
 * broken is not merely late. A value is fresh to two scans and stale from three; between, it keeps the look it has.
 */
export type Quality = "good" | "uncertain" | "bad";
export type Face = "good" | "uncertain" | "stale" | "bad";

export const STALE_SCANS = 3;
/** What is assumed where a point does not state its scan time. */
export const DEFAULT_SCAN_MS = 1000;
/** Live values are conflated and sent a few times a second, the network adds its own: below this nothing is called stale. */
export const STALE_FLOOR_MS = 5000;

export type Judged = { quality: Quality; ageMs: number | null; scanMs?: number | null; streamLost?: boolean };

export function faceOf({ quality, ageMs, scanMs, streamLost = false }: Judged): Face {
  if (quality === "bad") return "bad";
  if (streamLost || ageMs === null) return "stale";
  const limit = Math.max(STALE_FLOOR_MS, STALE_SCANS * (scanMs ?? DEFAULT_SCAN_MS));
  if (ageMs >= limit) return "stale";
  return quality;
}
