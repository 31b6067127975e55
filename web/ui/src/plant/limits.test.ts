/** Limits go through the form unchanged; an empty row sets none; seconds on the screen are milliseconds on the wire. */
import { describe, expect, it } from "vitest";
import { draftOf, limitsOf } from "./LimitsForm";

describe("limits through the form", () => {
  it("come out as they went in", () => {
    const hh = { value: 85, deadband: 1, on_delay_ms: 1500, off_delay_ms: 0, level: 1, realarm_ms: 900_000, latching: true };
    const limits = { version: 3, hh, h: null, l: null, ll: null, rate_per_min: null, exclusive_high: true, exclusive_low: false };
    const draft = draftOf(limits);
    expect(draft.hh.on).toBe(1.5);
    expect(draft.hh.again).toBe(15);
    expect(limitsOf(draft)).toEqual({ hh, h: null, l: null, ll: null, rate_per_min: null });
  });
  it("keep a limit of zero", () => {
    const draft = draftOf(null);
    draft.ll = { value: 0, deadband: null, on: null, off: null, level: null, again: null, latching: false };
    expect(limitsOf(draft).ll).toEqual({ value: 0, deadband: 0, on_delay_ms: 0, off_delay_ms: 0, level: null, realarm_ms: 0, latching: false });
  });
});
