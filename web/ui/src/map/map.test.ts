/** The map shows what is abnormal, clusters no grave alarm away, and keeps its callouts apart. */
import { describe, expect, it } from "vitest";
import type { Alarm, Enterprise, Equipment, Level, MapData, Point, QuietAlarm, Region } from "../api/types";
import { apart, overlaps, placeCallouts } from "./callouts";
import { alarmFeatures, alarmGroups, boundsOf, calloutGroups, inFilter, markerFeatures, notDrawn, quietFeatures, ringGroups, rungBelow } from "./markers";
import { compassKey, downwind, sectors } from "./wind";

const tank = (id: string, kind = "tank"): Equipment => ({ id, tag: id, enterprise: "e", kind, longitude: 114.1, latitude: 34.7, rollup: null }) as unknown as Equipment;
const equipment = new Map([["e.T1", tank("e.T1")], ["e.V1", tank("e.V1", "sphere")]]);
const enterprises = new Map([["e", { code: "e", longitude: 114.2, latitude: 34.8 } as Enterprise]]);
const alarm = (id: string, level: Level, change: Partial<Alarm> = {}): Alarm =>
  ({ id, level, point: `${id}.p`, state: "unacknowledged", enterprise: "e", equipment: "e.T1", signal: "level", longitude: 114.11, latitude: 34.71, raised_at: 0, ...change }) as Alarm;
const input = { equipment, enterprises, filter: "all" as const };

describe("marks of quiet alarms", () => {
  const quiet = (subject: string, change: Partial<QuietAlarm> = {}): QuietAlarm => ({ alarm: `${subject}|H`, subject, equipment: "e.T1", quiet: "shelved", ...change }) as QuietAlarm;
  const detectors = [{ id: "e.G1", longitude: 114.3, latitude: 34.9 } as Point];
  const words = (of: readonly QuietAlarm[]): string => of.map((a) => a.subject).join();
  it("stand at the vessel, one for all of its alarms, and show what has no end", () => {
    const [mark, ...more] = quietFeatures({ quiet: [quiet("e.L1"), quiet("e.L2", { quiet: "out_of_service" })], equipment, detectors, words }).features;
    expect(more).toEqual([]);
    expect([mark?.geometry.coordinates, mark?.properties]).toEqual([[114.1, 34.7], { id: "e.T1", icon: "quiet-out_of_service", count: 2, words: "e.L1,e.L2" }]);
  });
  it("stand at a detector where it stands, and nowhere for what has no place", () => {
    const marks = quietFeatures({ quiet: [quiet("e.G1"), quiet("e.X", { equipment: "e.gone" }), quiet("gateway:1", { equipment: null })], equipment, detectors, words });
    expect(marks.features.map((f) => f.geometry.coordinates)).toEqual([[114.3, 34.9]]);
  });
});

describe("alarm symbols", () => {
  it("join the alarms of one vessel under the gravest", () => {
    const groups = alarmGroups({ ...input, band: "equipment", alarms: [alarm("a", 3), alarm("b", 1)] });
    expect(groups.map((g) => [g.key, g.worst, g.alarms.length, g.halo])).toEqual([["equipment:e.T1", 1, 2, true]]);
  });
  it("gather levels 3 and 4 by enterprise far out, and never levels 1 and 2", () => {
    const groups = alarmGroups({ ...input, band: "enterprise", alarms: [alarm("a", 3), alarm("b", 4, { equipment: "e.V1" }), alarm("c", 2)] });
    expect(groups.map((g) => g.key).sort()).toEqual(["enterprise:e", "equipment:e.T1"]);
  });
  it("become one for an enterprise in a flood of minor alarms, unless one looks closely; grave ones stay", () => {
    const flood = [...Array.from({ length: 20 }, (_, i) => alarm(`m${i}`, 4, { signal: "gas_toxic" })), alarm("grave", 1)];
    expect(alarmGroups({ ...input, band: "equipment", alarms: flood }).map((g) => [g.key, g.alarms.length]).sort()).toEqual([["enterprise:e", 20], ["equipment:e.T1", 1]]);
    expect(alarmGroups({ ...input, band: "equipment", near: true, alarms: flood })).toHaveLength(21);
  });
  it("put a gas detector where it stands", () => {
    const [group] = alarmGroups({ ...input, band: "equipment", alarms: [alarm("g", 2, { signal: "gas_toxic" })] });
    expect(group?.at).toEqual([114.11, 34.71]);
  });
  it("leave out closed ones, the data path, and kinds that are filtered out", () => {
    expect(alarmGroups({ ...input, band: "equipment", alarms: [alarm("a", 1, { state: "closed" }), alarm("b", 2, { point: null })] })).toEqual([]);
    expect(alarmGroups({ ...input, filter: "sphere", band: "equipment", alarms: [alarm("a", 1)] })).toEqual([]);
  });
  it("are outlines once everything in them has returned", () => {
    const groups = alarmGroups({ ...input, band: "equipment", alarms: [alarm("a", 3, { state: "returned_unacknowledged" })] });
    expect(alarmFeatures(groups, null).features[0]?.properties?.["icon"]).toBe("alarm-3-o");
  });
  it("speak for levels 1 and 2 that nobody has acknowledged, five at most", () => {
    const many = Array.from({ length: 8 }, (_, i) => alarm(`a${i}`, i === 7 ? 1 : 2, { signal: "gas_toxic", raised_at: i }));
    const callouts = calloutGroups(alarmGroups({ ...input, band: "equipment", alarms: [...many, alarm("quiet", 1, { state: "acknowledged" })] }));
    expect(callouts).toHaveLength(5);
    expect(callouts[0]?.alarms[0]?.id).toBe("a7");
  });
});

describe("markers", () => {
  it("count bullets as tanks for a person who filters", () => expect([inFilter("htank", "tank"), inFilter("sphere", "tank")]).toEqual([true, false]));
  it("disappear under `only abnormal`", () => expect(markerFeatures({ equipment: equipment.values(), detectors: [], filter: "abnormal", abnormal: new Set() }).features).toEqual([]));
  it("build ten thousand in well under a frame's worth of patience", () => {
    const many = Array.from({ length: 10_000 }, (_, i) => tank(`e.T${i}`));
    const start = performance.now();
    expect(markerFeatures({ equipment: many, detectors: [], filter: "all", abnormal: new Set() }).features).toHaveLength(10_000);
    expect(performance.now() - start).toBeLessThan(250);
  });
});

describe("a flood", () => {
  it("of five thousand alarms is grouped fast, with five callouts and twenty rings", () => {
    const alarms = Array.from({ length: 5000 }, (_, i) => alarm(`a${i}`, ((i % 4) + 1) as Level, { signal: "gas_toxic", longitude: 114 + (i % 70) / 1000, latitude: 34.7 + Math.floor(i / 70) / 1000, raised_at: i }));
    const start = performance.now();
    const groups = alarmGroups({ ...input, band: "equipment", alarms });
    expect(alarmFeatures(groups, null).features.length).toBeGreaterThan(2500);
    expect([calloutGroups(groups).length, ringGroups(groups).length]).toEqual([5, 20]);
    expect(performance.now() - start).toBeLessThan(400);
  });
});

describe("regions", () => {
  const region = (code: string, parent: string | null): Region => ({ code, parent, level: "park", name: { zh: "", en: "" }, rollup: null, longitude: 1, latitude: 1 });
  it("are drilled one rung at a time, and stand for themselves at the last", () => {
    const all = new Map([region("a", null), region("b", "a"), region("c", "a"), region("d", "b")].map((r) => [r.code, r]));
    expect(rungBelow(all, "a").map((r) => r.code)).toEqual(["b", "c"]);
    expect(rungBelow(all, "d").map((r) => r.code)).toEqual(["d"]);
  });
  it("have bounds from any geometry", () => {
    expect(boundsOf([{ geometry: { type: "Polygon", coordinates: [[[1, 2], [3, 0], [2, 5]]] } }])).toEqual([1, 0, 3, 5]);
    expect(boundsOf([])).toBeNull();
  });
});

describe("the wind", () => {
  it("is named after where it comes from", () => expect([0, 44, 350, 225].map(compassKey)).toEqual(["map.wind.n", "map.wind.ne", "map.wind.n", "map.wind.sw"]));
  it("puts the sector of a northeast wind to the southwest, 300 m long", () => {
    const ring = downwind([114.36, 34.75], 45).coordinates[0] ?? [];
    const tip = ring[5] as [number, number];
    const [east, north] = [(tip[0] - 114.36) * 111_320 * Math.cos((34.75 * Math.PI) / 180), (tip[1] - 34.75) * 111_132];
    expect(Math.hypot(east, north)).toBeCloseTo(300, 0);
    expect(east < 0 && north < 0).toBe(true);
  });
  it("draws a sector for a standing gas alarm alone", () => {
    const groups = alarmGroups({ ...input, band: "equipment", alarms: [alarm("g", 2, { signal: "gas_toxic", condition: "H", cleared_at: null }), alarm("t", 1, { condition: "HH", cleared_at: null })] });
    expect(sectors(groups, 45, "x").features.map((f) => f.geometry.type)).toEqual(["Polygon", "Point"]);
    expect(sectors(groups, null, "x").features).toHaveLength(0);
  });
});

describe("callouts", () => {
  const view = { x: 0, y: 0, width: 900, height: 700 };
  const size = { width: 200, height: 54 };
  it("stay inside the view and off each other", () => {
    const placed = placeCallouts([{ x: 450, y: 300 }, { x: 470, y: 310 }, { x: 20, y: 20 }, { x: 880, y: 690 }], size, view);
    expect(placed.every((p) => p !== null)).toBe(true);
    const boxes = placed.flatMap((p) => (p ? [p.box] : []));
    for (const [i, a] of boxes.entries()) {
      expect(a.x >= 0 && a.y >= 0 && a.x + a.width <= 900 && a.y + a.height <= 700).toBe(true);
      for (const b of boxes.slice(i + 1)) expect(a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height).toBe(false);
    }
  });
  it("cover a name only where nothing else is free", () => {
    const name = { x: 470, y: 180, width: 220, height: 90 };
    const [placed] = placeCallouts([{ x: 450, y: 300 }], size, view, [], [{ box: name, weight: 1.5 }]);
    expect(placed && overlaps(placed.box, name)).toBe(false);
  });
  it("thin out rings that would lie on each other", () => expect(apart([0, 10, 30, 45, 70], (x) => ({ x, y: 0 }), 26)).toEqual([0, 30, 70]));
  it("are left out for a point outside the view", () => expect(placeCallouts([{ x: -50, y: 10 }], size, view)).toEqual([null]));
});

describe("a map that was cut", () => {
  const of = (total: number, truncated: boolean): MapData => ({ type: "FeatureCollection", features: [{ type: "Feature", geometry: { type: "Point", coordinates: [114, 34] }, properties: { kind: "plot" } }], total, truncated });
  it("counts what is not drawn", () => expect(notDrawn(of(20_001, true))).toBe(20_000));
  it("counts nothing where it is whole or not there yet", () => expect([notDrawn(of(1, false)), notDrawn(undefined)]).toEqual([0, 0]));
});
