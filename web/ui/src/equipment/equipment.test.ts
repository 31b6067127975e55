/** A piece of equipment leads with what is wrong, and its records tell the day backwards. */
import { describe, expect, it } from "vitest";
import type { Alarm, Limit, Point } from "../api/types";
import { brokenLimit, levelPoint, mainPoints, marginOf, ratePerMinute, shareOfRange, stateOf, twinOf } from "./points";
import { answersOf, episodesOf } from "./records";
import { liquidTop, vesselOf } from "./vessel";

const limit = (value: number): Limit => ({ value, deadband: 0, on_delay_ms: 0, off_delay_ms: 0, level: null, realarm_ms: 0, latching: false });
const point = (tag: string, signal: string, change: Partial<Point> = {}): Point =>
  ({ id: `e.${tag}`, tag, signal, kind: "analog", range: [0, 100], decimals: 1, scan_ms: 1000, limits: null, ...change }) as Point;
const limits = { version: 1, rate_per_min: null, exclusive_high: false, exclusive_low: false, hh: limit(85), h: limit(80), l: limit(15), ll: limit(10) };

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

describe("beside the value", () => {
  const named = (tag: string, zh: string): Point => point(tag, "level", { name: { zh, en: zh }, unit: "%", limits });
  it("is the second instrument of the same quantity, not another place", () => {
    const [a, b] = [named("LT-1A", "液位 A"), named("LT-1B", "液位 B")];
    expect(twinOf(a, [a, b])?.tag).toBe("LT-1B");
    expect(twinOf(named("TT-1A", "罐底温度"), [named("TT-1B", "液相温度")])).toBeNull();
  });
  it("is the way to the nearest limit, or beyond the broken one", () => {
    const p = point("LT", "level", { limits });
    expect(marginOf(p, 70)).toEqual({ key: "h", by: 10, broken: false });
    expect(marginOf(p, 20)).toEqual({ key: "l", by: 5, broken: false });
    expect(marginOf(p, 88)).toEqual({ key: "hh", by: 3, broken: true });
    expect(marginOf(p, null)).toBeNull();
  });
  it("is the change per minute, once there are twenty seconds of it", () => {
    const samples = Array.from({ length: 30 }, (_, i) => ({ t: i * 1000, v: 50 + i / 60 }));
    expect(ratePerMinute(samples)).toBeCloseTo(1, 6);
    expect(ratePerMinute(samples.slice(0, 10))).toBeNull();
    expect(ratePerMinute(samples.map((s) => ({ ...s, v: null })))).toBeNull();
  });
});

describe("the day's records", () => {
  const alarm = (tag: string, raised: number, cleared: number | null, more: Partial<Alarm> = {}): Alarm =>
    ({ id: `${tag}@${raised}`, subject: tag, tag, condition: "H", level: 3, signal: "level", raised_at: raised, cleared_at: cleared, acknowledged: null, ...more }) as Alarm;
  it("run backwards, one row from its rise to its end, and leave out yesterday", () => {
    const rows = episodesOf([alarm("A", 100, 300), alarm("P", 500_000, null, { signal: "pressure" }), alarm("old", 1, 20)], 50);
    expect(rows.map((r) => [r.tags.join(), r.cleared])).toEqual([["P", null], ["A", 300]]);
  });
  it("make one event of two instruments that speak together", () => {
    const rows = episodesOf([alarm("LT-A", 1000, 9000), alarm("LT-B", 1500, 9900)], 0);
    expect(rows.map((r) => [r.tags, r.times, r.cleared])).toEqual([[["LT-A", "LT-B"], 1, 9900]]);
  });
  it("count what comes and goes", () => {
    const rows = episodesOf([0, 1, 2, 3].map((i) => alarm("LT", 1000 + i * 20_000, 10_000 + i * 20_000)), 0);
    expect(rows.map((r) => [r.times, r.first, r.last, r.cleared])).toEqual([[4, 1000, 61_000, 70_000]]);
  });
  it("tell who answered once", () => {
    const by = { by: "w", name: "王", at: 200, comment: "看" };
    const [row] = episodesOf([alarm("LT-A", 1000, null, { acknowledged: by }), alarm("LT-B", 1000, null, { acknowledged: { ...by, at: 300 } })], 0);
    expect(row && answersOf(row)).toEqual([{ by: "王", at: 300, comment: "看" }]);
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
