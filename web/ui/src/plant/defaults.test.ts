/** An empty row of the limits editor begins with the defaults of its signal type; one that is set keeps its own. */
import { describe, expect, it } from "vitest";
import { blankOf, type AlarmDefaults } from "./defaults";
import { draftOf, limitsOf } from "./LimitsForm";

const row = (signal: string, deadband_percent: number, on: number): AlarmDefaults => ({
  signal, deadband_percent, on_delay_ms: on, urgent_on_delay_ms: 3000, off_delay_ms: on, origin: "proposal", reason: "", version: 1,
});
const rows = [row("level", 5, 60_000), row("*", 2, 15_000)];
const point = (signal: string, scan_ms: number) => ({ signal, scan_ms, range: [-20, 80] as [number, number] });

describe("defaults of a row", () => {
  it("are those of the signal type, or of all other types", () => {
    expect(blankOf(rows, point("level", 1000))("h")).toEqual({ deadband: 5, on: 60, off: 60 });
    expect(blankOf(rows, point("vibration", 1000))("l")).toEqual({ deadband: 2, on: 15, off: 15 });
    expect(blankOf([], point("level", 1000))("l")).toEqual({ deadband: 0, on: 0, off: 0 });
  });
  it("do not make urgent limits wait, and others at least a scan", () => {
    const blank = blankOf(rows, point("level", 180_000));
    expect(blank("hh")).toEqual({ deadband: 5, on: 3, off: 180 });
    expect(blank("h").on).toBe(180);
    expect(blank("rate_per_min").deadband).toBe(0);
  });
  it("fill only what is empty, and set no limit by themselves", () => {
    const h = { value: 70, deadband: 1, on_delay_ms: 0, off_delay_ms: 0, level: null, realarm_ms: 0, latching: false };
    const draft = draftOf({ version: 1, hh: null, h, l: null, ll: null, rate_per_min: null, exclusive_high: false, exclusive_low: false }, blankOf(rows, point("level", 1000)));
    expect(draft.h.deadband).toBe(1);
    expect(draft.hh).toEqual({ value: null, deadband: 5, on: 3, off: 60, level: null, again: 0, latching: false });
    expect(limitsOf(draft)).toEqual({ hh: null, h, l: null, ll: null, rate_per_min: null });
  });
});
