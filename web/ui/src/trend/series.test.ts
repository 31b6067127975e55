/** A trend keeps its extremes, breaks at gaps, and scales without hiding limits or magnifying noise. */
import { describe, expect, it } from "vitest";
import type { TrendBucket } from "../api/types";
import { appendLive, extentOf, gapsOf, lineOf } from "./series";

const bucket = (t: number, v: number | null, change: Partial<TrendBucket> = {}): TrendBucket =>
  v === null ? { t, min: null, max: null, first: null, last: null, count: 0, bad: 0, late: 0, ...change } : { t, min: v - 1, max: v + 1, first: v, last: v + 0.5, count: 10, bad: 0, late: 0, ...change };

describe("the line", () => {
  it("passes through the extremes of every bucket", () => {
    const values = lineOf([bucket(0, 50), bucket(10, 60)], 10).map((s) => s.v);
    for (const v of [49, 51, 59, 61]) expect(values).toContain(v);
  });
  it("is broken by bad data and by buckets that are not there, never bridged, never zero", () => {
    const line = lineOf([bucket(0, 50), bucket(10, null, { bad: 3 }), bucket(20, 50), bucket(60, 50)], 10);
    expect(line.filter((s) => s.v === null).map((s) => s.t)).toEqual([10, 30]);
    expect(line.some((s) => s.v === 0)).toBe(false);
  });
});

describe("gaps", () => {
  it("tell bad from missing and say how long", () => {
    const buckets = [bucket(0, 5), bucket(10, null, { bad: 4 }), bucket(20, null, { bad: 4 }), bucket(30, 5), bucket(40, null), bucket(50, null), bucket(60, null), bucket(70, 5)];
    expect(gapsOf(buckets, 0, 80, 5)).toEqual([{ from: 10, to: 30, kind: "bad" }, { from: 40, to: 70, kind: "missing" }]);
  });
  it("are not invented where buckets are finer than the scan", () => {
    expect(gapsOf([bucket(0, 5), bucket(10, null), bucket(20, 5)], 0, 30, 30)).toEqual([]);
  });
  it("before the first reading are not called missing", () => {
    expect(gapsOf([bucket(60, 5), bucket(70, 5), bucket(80, 5)], 0, 90, 20)).toEqual([{ from: 0, to: 60, kind: "before" }]);
  });
  it("reach to the end when nothing comes any more", () => {
    expect(gapsOf([bucket(0, 5), bucket(10, 5)], 0, 100, 30)).toEqual([{ from: 20, to: 100, kind: "missing" }]);
  });
});

describe("the scale", () => {
  const at = (v: number) => [{ t: 0, v }, { t: 1, v: v + 0.1 }];
  it("takes in a limit within reach and leaves out one far away", () => {
    expect(extentOf(at(78), [80], [0, 100]).high).toBeGreaterThan(80);
    expect(extentOf(at(20), [85], [0, 100]).high).toBeLessThan(30);
  });
  it("does not blow a flat line up to noise", () => {
    const { low, high } = extentOf(at(50), [], [0, 100]);
    expect(high - low).toBeGreaterThan(4);
  });
});

describe("the live tail", () => {
  it("takes each moment once and in order", () => {
    const one = appendLive([], { t: 5, v: 1 });
    expect(appendLive(one, { t: 5, v: 2 })).toEqual([{ t: 5, v: 1 }]);
    expect(appendLive(one, { t: 4, v: 2 })).toEqual([{ t: 5, v: 1 }]);
    expect(appendLive(one, { t: 6, v: null })).toHaveLength(2);
  });
});
