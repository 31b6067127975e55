/** A piece of equipment leads with what is wrong, and its records tell the day backwards. */
import { describe, expect, it } from "vitest";
import type { Alarm, Limit, Point } from "../api/types";
import { brokenLimit, levelPoint, mainPoints, shareOfRange, stateOf } from "./points";
import { recordsOf } from "./records";
import { liquidTop, vesselOf } from "./vessel";

const limit = (value: number): Limit => ({ value, deadband: 0, on_delay_ms: 0, off_delay_ms: 0, level: null });
const point = (tag: string, signal: string, change: Partial<Point> = {}): Point =>
  ({ id: `e.${tag}`, tag, signal, kind: "analog", range: [0, 100], decimals: 1, scan_ms: 1000, limits: null, ...change }) as Point;
const limits = { version: 1, rate_per_min: null, hh: limit(85), h: limit(80), l: limit(15), ll: limit(10) };

describe("the points of a vessel", () => {
  const level = point("LT-1A", "level", { limits });
  const points = [point("FT-1", "flow"), point("TT-1", "temperature", { limits }), point("LT-1B", "level"), level, point("PT-1", "pressure", { limits })];
  it("lead with level, pressure and temperature", () => expect(mainPoints(points, [], null).map((p) => p.tag)).toEqual(["LT-1A", "PT-1", "TT-1"]));
  it("show one of two levels that alarm together, and leave room for the other quantities", () => {
    const alarms = ["LT-1A", "LT-1B"].map((tag) => ({ point: `e.${tag}`, level: 1 }) as Alarm);
    expect(mainPoints(points, alarms, null).map((p) => p.tag)).toEqual(["LT-1A", "PT-1", "TT-1"]);
  });
  it("show the one that was asked for", () => expect(mainPoints(points, [], "e.FT-1").map((p) => p.tag)).toContain("FT-1"));
  it("fill the drawing from the level that has limits", () => expect(levelPoint(points)?.tag).toBe("LT-1A"));
  it("break a limit at its value, not only beyond it", () => {
    expect([84.9, 85, 80, 50, 15, 10].map((v) => brokenLimit(level, v))).toEqual(["h", "hh", "h", null, "l", "ll"]);
    expect(brokenLimit(level, null)).toBeNull();
  });
  it("lie within their range whatever they read", () => expect([-5, 50, 130].map((v) => shareOfRange(level, v))).toEqual([0, 0.5, 1]));
  it("say the word of a state", () => {
    const valve = point("XV-1", "state", { kind: "discrete", states: [{ value: 0, name: { zh: "关", en: "closed" }, alarm: false }] });
    expect(stateOf(valve, 0)?.name.zh).toBe("关");
    expect(stateOf(valve, 7)).toBeNull();
  });
});

describe("the day's records", () => {
  const alarm = { id: "a", raised_at: 100, cleared_at: 300, acknowledged: { by: "x", name: "王", at: 200, comment: "" } } as Alarm;
  it("run backwards and leave out yesterday", () => {
    expect(recordsOf([alarm], 0).map((r) => r.kind)).toEqual(["cleared", "acknowledged", "raised"]);
    expect(recordsOf([alarm], 150).map((r) => r.kind)).toEqual(["cleared", "acknowledged"]);
  });
});

describe("the drawing", () => {
  it("puts the liquid where the level says, and nowhere without one", () => {
    const tank = vesselOf("tank");
    expect(liquidTop(tank, 0)).toBe(tank.bottom);
    expect(liquidTop(tank, 1)).toBe(tank.top);
    expect(liquidTop(tank, null)).toBeNull();
  });
});
