/**
 * What stands on the map: plain functions from regions, enterprises, equipment and open alarms to GeoJSON. Which alarms share one symbol
 * follows design-language §7: by enterprise far out, by equipment near; levels 1 and 2 are never clustered away.
 */
import type { Feature, FeatureCollection, Point as PointGeometry } from "geojson";
import type { Alarm, Enterprise, Equipment, Level, MapData, Point, QuietAlarm, Region, Rollup } from "../api/types";
import { byPriority, stands } from "../alarms/alarm";
import { gravestQuiet } from "../alarms/quiet";
import type { Language } from "../i18n";
import { localName } from "../i18n/name";

export type Band = "region" | "enterprise" | "equipment";
export type KindFilter = "all" | "abnormal" | "sphere" | "tank" | "unit" | "warehouse" | "detector" | "camera";
export type Place = [longitude: number, latitude: number];
export type AlarmGroup = { key: string; at: Place; alarms: Alarm[]; worst: Level; halo: boolean; outline: boolean };

const ICONS: Record<string, string> = { tank: "eq-tank", sphere: "eq-sphere", htank: "eq-htank", unit: "eq-unit", warehouse: "eq-warehouse", detector: "eq-gas", camera: "eq-camera" };
export const iconOf = (kind: string): string => ICONS[kind] ?? "eq-unit";

const isDetector = (signal: string | null): boolean => signal?.startsWith("gas_") === true || signal === "oxygen";

/** Bullets are tanks to a person who filters. */
export function inFilter(kind: string, filter: KindFilter): boolean {
  if (filter === "all" || filter === "abnormal") return true;
  return kind === filter || (filter === "tank" && kind === "htank");
}

function placeOf(alarm: Alarm, equipment: ReadonlyMap<string, Equipment>): Place | null {
  const owner = alarm.equipment ? equipment.get(alarm.equipment) : undefined;
  // A detector stands where it stands; a measured quantity belongs to its vessel, so that HH and H of one tank share a symbol.
  const own: Place | null = alarm.longitude !== null && alarm.latitude !== null ? [alarm.longitude, alarm.latitude] : null;
  const vessel: Place | null = owner && owner.longitude !== null && owner.latitude !== null ? [owner.longitude, owner.latitude] : null;
  return isDetector(alarm.signal) || owner?.kind === "area" ? (own ?? vessel) : (vessel ?? own);
}

export function kindOfAlarm(alarm: Alarm, equipment: ReadonlyMap<string, Equipment>): string {
  if (isDetector(alarm.signal)) return "detector";
  return (alarm.equipment && equipment.get(alarm.equipment)?.kind) || "unit";
}

type GroupInput = { alarms: Iterable<Alarm>; equipment: ReadonlyMap<string, Equipment>; enterprises: ReadonlyMap<string, Enterprise>; band: Band; filter: KindFilter; near?: boolean };

/** Groups open alarms into symbols. Alarms of the data path are shown on the plot, not as a symbol of their own. */
export function alarmGroups({ alarms, equipment, enterprises, band, filter, near = false }: GroupInput): AlarmGroup[] {
  if (band === "region") return [];
  const groups = new Map<string, { at: Place; alarms: Alarm[] }>();
  for (const alarm of alarms) {
    if (!alarm.point || alarm.state === "closed" || !inFilter(kindOfAlarm(alarm, equipment), filter)) continue;
    const enterprise = alarm.enterprise ? enterprises.get(alarm.enterprise) : undefined;
    const far = band === "enterprise" && alarm.level >= 3 && enterprise?.longitude != null && enterprise.latitude != null;
    const at: Place | null = far ? [enterprise.longitude as number, enterprise.latitude as number] : placeOf(alarm, equipment);
    if (!at) continue;
    const key = far ? `enterprise:${enterprise.code}` : isDetector(alarm.signal) ? `point:${alarm.point}` : `equipment:${alarm.equipment ?? alarm.point}`;
    const group = groups.get(key) ?? { at, alarms: [] };
    group.alarms.push(alarm);
    groups.set(key, group);
  }
  if (!near) gatherCrowds(groups, enterprises);
  return [...groups].map(([key, { at, alarms: members }]) => {
    members.sort(byPriority);
    const worst = Math.min(...members.map((a) => a.level)) as Level;
    return {
      key, at, alarms: members, worst,
      halo: members.some((a) => a.level <= 2 && a.state === "unacknowledged"),
      outline: members.every((a) => !stands(a)),
    };
  });
}

/** How many symbols of levels 3 and 4 an enterprise may show before they become one: a flood must not bury the plan of the plant. */
const CROWD = 5;

function gatherCrowds(groups: Map<string, { at: Place; alarms: Alarm[] }>, enterprises: ReadonlyMap<string, Enterprise>): void {
  const minor = new Map<string, string[]>();
  for (const [key, { alarms }] of groups) {
    const code = alarms[0]?.enterprise;
    if (code && alarms.every((a) => a.level >= 3)) minor.set(code, [...(minor.get(code) ?? []), key]);
  }
  for (const [code, keys] of minor) {
    const site = enterprises.get(code);
    if (keys.length <= CROWD || site?.longitude == null || site.latitude == null) continue;
    const gathered = keys.flatMap((key) => groups.get(key)?.alarms ?? []);
    for (const key of keys) groups.delete(key);
    groups.set(`enterprise:${code}`, { at: [site.longitude, site.latitude], alarms: gathered });
  }
}

/** The groups that speak: a callout with value and condition, the gravest and newest first, five at most (design-language §7). */
export function calloutGroups(groups: readonly AlarmGroup[], limit = 5): AlarmGroup[] {
  const first = (g: AlarmGroup): Alarm => g.alarms[0] as Alarm;
  return groups.filter((g) => g.halo).sort((a, b) => byPriority(first(a), first(b))).slice(0, limit);
}

const feature = (at: Place, properties: Record<string, unknown>): Feature<PointGeometry> => ({ type: "Feature", geometry: { type: "Point", coordinates: at }, properties });
const collection = (features: Feature<PointGeometry>[]): FeatureCollection<PointGeometry> => ({ type: "FeatureCollection", features });

/** What the count beside a symbol counts: H and HH of one instrument are one thing. */
export function instruments(group: AlarmGroup): number {
  return new Set(group.alarms.map((a) => a.point)).size;
}

/** How many haloes are drawn at most: beyond that the park is in a flood and the symbols say enough. */
export const RINGS_MAX = 20;
/** The groups with a halo, the gravest and newest first. */
export function ringGroups(groups: readonly AlarmGroup[]): AlarmGroup[] {
  return calloutGroups(groups, RINGS_MAX);
}

export function alarmFeatures(groups: readonly AlarmGroup[], selected: string | null): FeatureCollection<PointGeometry> {
  return collection(
    groups.map((g) =>
      feature(g.at, {
        key: g.key, icon: `alarm-${g.worst}${g.outline ? "-o" : ""}`, count: instruments(g), order: 10 - g.worst + (g.halo ? 0.5 : g.outline ? 0 : 0.25), rank: g.worst - (g.halo ? 0.5 : g.outline ? 0 : 0.25),
        alarm: g.alarms[0]?.id, selected: selected !== null && g.alarms.some((a) => a.id === selected),
      }),
    ),
  );
}

type MarkerInput = { equipment: Iterable<Equipment>; detectors: Iterable<Point>; filter: KindFilter; abnormal: ReadonlySet<string> };

/** Every piece of equipment and detector as one symbol; ten thousand of them are one layer. */
export function markerFeatures({ equipment, detectors, filter, abnormal }: MarkerInput): FeatureCollection<PointGeometry> {
  const features: Feature<PointGeometry>[] = [];
  if (filter === "abnormal") return collection(features);
  // Asked for by name, a kind shows from further out.
  const from = (near: number): number => (filter === "all" ? near : 14);
  for (const e of equipment) {
    if (e.longitude === null || e.latitude === null || e.kind === "area" || !inFilter(e.kind, filter)) continue;
    const faulty = e.rollup?.faulty === true;
    features.push(feature([e.longitude, e.latitude], { id: e.id, tag: e.tag, kind: e.kind, icon: faulty ? "fault" : iconOf(e.kind), minzoom: faulty ? 13 : from(16), order: abnormal.has(e.id) ? 1 : 0 }));
  }
  if (filter === "all" || filter === "detector") {
    for (const p of detectors) {
      if (p.longitude === null || p.latitude === null) continue;
      features.push(feature([p.longitude, p.latitude], { id: p.equipment, point: p.id, tag: p.tag, kind: "detector", icon: "eq-gas", minzoom: from(17), order: 0 }));
    }
  }
  return collection(features);
}

type QuietInput = { quiet: readonly QuietAlarm[]; equipment: ReadonlyMap<string, Equipment>; detectors: readonly Point[]; words: (alarms: readonly QuietAlarm[]) => string };

/**
 * The marks of what is shelved, suppressed or out of service: one a place, beside the symbol of the thing itself. Never filtered away with a
 * kind of equipment: that an alarm is silenced is to be seen whatever else is looked at.
 */
export function quietFeatures({ quiet, equipment, detectors, words }: QuietInput): FeatureCollection<PointGeometry> {
  const points = new Map(detectors.map((p) => [p.id, p]));
  const places = new Map<string, { at: Place; id: string; alarms: QuietAlarm[] }>();
  for (const alarm of quiet) {
    if (!alarm.equipment) continue;
    const detector = points.get(alarm.subject);
    const owner = equipment.get(alarm.equipment);
    const of = detector?.longitude != null && detector.latitude !== null ? detector : owner;
    if (!of || of.longitude === null || of.latitude === null) continue;
    const key = of === detector ? alarm.subject : alarm.equipment;
    const place = places.get(key) ?? { at: [of.longitude, of.latitude] as Place, id: alarm.equipment, alarms: [] };
    place.alarms.push(alarm);
    places.set(key, place);
  }
  return collection([...places.values()].map(({ at, id, alarms }) => feature(at, { id, icon: `quiet-${gravestQuiet(alarms) ?? "shelved"}`, count: alarms.length, words: words(alarms) })));
}

/** Where names stand: an enterprise's low on its plot, where there is room and no symbol of its middle; a region's in its middle. */
export function nameSpots(map: MapData): ReadonlyMap<string, Place> {
  const spots = new Map<string, Place>();
  for (const f of map.features) {
    const ref = f.properties.ref;
    const box = ref && ["plot", "region", "boundary"].includes(f.properties.kind) ? boundsOf([f]) : null;
    if (box && ref && f.properties.kind !== "plot") spots.set(ref, [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]);
    else if (box && ref) spots.set(ref, [(box[0] + box[2]) / 2, box[1] + (box[3] - box[1]) * 0.3]);
  }
  return spots;
}

type PlaceInput = { spots: ReadonlyMap<string, Place>; regions: readonly Region[]; enterprises: Iterable<Enterprise>; rollup: (node: string) => Rollup | undefined; lost: ReadonlySet<string>; language: Language };

/** In which order an enterprise says what it has: vessels first, as one would name them. */
const KIND_ORDER = ["sphere", "htank", "tank", "unit", "warehouse", "detector"];

/** Names of regions (far out, with their worst symbol) and of enterprises with what they have. */
export function placeFeatures({ spots, regions, enterprises, rollup, lost, language }: PlaceInput): FeatureCollection<PointGeometry> {
  const features: Feature<PointGeometry>[] = [];
  for (const r of regions) {
    const at = regionSpot(r, spots);
    if (!at) continue;
    const state = rollup(`region:${r.code}`) ?? r.rollup;
    const open = state ? state.open.reduce((sum, n) => sum + n, 0) : 0;
    features.push(feature(at, {
      kind: "region", code: r.code, name: open > 0 ? `${localName(r.name, language)}  ${open}` : localName(r.name, language), icon: state?.worst ? `alarm-${state.worst}` : "none",
    }));
  }
  for (const e of enterprises) {
    if (e.longitude === null || e.latitude === null) continue;
    const state = rollup(`enterprise:${e.code}`) ?? e.rollup;
    // What is lost is written where the counts would stand.
    const kinds = lost.has(e.code) ? [] : KIND_ORDER.flatMap((k) => ((e.counts_by_kind[k] ?? 0) > 0 ? [[k, e.counts_by_kind[k] ?? 0] as const] : []));
    const slot = (i: number): Record<string, unknown> => {
      const entry = kinds[i];
      return { [`icon${i + 1}`]: entry ? `${iconOf(entry[0])}-small` : "none", [`count${i + 1}`]: entry ? `\u00a0${entry[1]}\u00a0\u00a0` : "" };
    };
    features.push(feature(spots.get(e.code) ?? [e.longitude, e.latitude], { kind: "enterprise", code: e.code, name: localName(e.name, language), rank: state?.worst ?? 5, ...slot(0), ...slot(1), ...slot(2), ...slot(3) }));
  }
  return collection(features);
}

function regionSpot(region: Region, spots: ReadonlyMap<string, Place>): Place | null {
  return region.longitude !== null && region.latitude !== null ? [region.longitude, region.latitude] : (spots.get(region.code) ?? null);
}

/** What one drills into from here: the regions one rung below, or the region itself where nothing is below it. */
export function rungBelow(regions: ReadonlyMap<string, Region>, here: string | null): Region[] {
  const below = [...regions.values()].filter((r) => r.parent === here);
  const self = here === null ? undefined : regions.get(here);
  return below.length > 0 ? below : self ? [self] : [];
}

/** The base map with a label in the reader's language on every feature. */
export function labelled(map: MapData, language: Language): MapData {
  return {
    ...map,
    features: map.features.map((f) => {
      const own = f.properties[language === "zh-CN" ? "name_zh" : "name_en"];
      const label = typeof own === "string" && own !== "" ? own : localName(f.properties.name ?? (f.properties["name_zh"] as string | undefined), language);
      return { ...f, properties: { ...f.properties, label } };
    }),
  };
}

/** Features that the center left out because they are too many. */
export function notDrawn(map: MapData | undefined): number {
  return map?.truncated ? map.total - map.features.length : 0;
}

export type Bounds = [west: number, south: number, east: number, north: number];

export function boundsOf(features: readonly { geometry: { type: string; coordinates?: unknown } }[]): Bounds | null {
  let box: Bounds | null = null;
  const visit = (c: unknown): void => {
    if (!Array.isArray(c)) return;
    const [x, y] = c as unknown[];
    if (typeof x === "number" && typeof y === "number") box = box ? [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)] : [x, y, x, y];
    else c.forEach(visit);
  };
  for (const f of features) visit(f.geometry.coordinates);
  return box;
}

/** What to show of a region: its own outline, or else everything that lies in it. */
export function regionBounds(map: MapData, region: string | null): Bounds | null {
  const own = map.features.filter((f) => region !== null && f.properties.ref === region && (f.properties.kind === "boundary" || f.properties.kind === "region"));
  if (own.length > 0) return boundsOf(own);
  return boundsOf(map.features.filter((f) => f.properties.kind === "boundary" || f.properties.kind === "plot")) ?? boundsOf(map.features);
}
