/**
 * The wind on the map: its name, and for a gas alarm the sector that lies downwind. The sector says where the wind blows, not how much gas is
 * there (design-language §7: ±16°, 300 m, named so that nobody takes it for a concentration).
 */
import type { Feature, FeatureCollection, Point, Polygon } from "geojson";
import type { MessageKey } from "../i18n";
import type { AlarmGroup, Place } from "./markers";

const POINTS = ["n", "ne", "e", "se", "s", "sw", "w", "nw"] as const;
const HALF_ANGLE = 16;
const RADIUS_M = 300;
const NEIGHBOURS_M = 60;
/** Below this a direction means nothing. */
export const CALM_M_PER_S = 0.3;

/** The name of the direction that the wind comes from. */
export function compassKey(fromDegrees: number): MessageKey {
  const i = Math.round((((fromDegrees % 360) + 360) % 360) / 45) % 8;
  return `map.wind.${POINTS[i] ?? "n"}`;
}

function offset([lon, lat]: Place, metres: number, bearing: number): Place {
  const angle = (bearing * Math.PI) / 180;
  return [lon + (metres * Math.sin(angle)) / (111_320 * Math.cos((lat * Math.PI) / 180)), lat + (metres * Math.cos(angle)) / 111_132];
}

/** The sector downwind of a place, for a wind from `fromDegrees`. */
export function downwind(at: Place, fromDegrees: number): Polygon {
  const to = fromDegrees + 180;
  const arc = Array.from({ length: 9 }, (_, i) => offset(at, RADIUS_M, to - HALF_ANGLE + (i * 2 * HALF_ANGLE) / 8));
  return { type: "Polygon", coordinates: [[at, ...arc, at]] };
}

const isGas = (signal: string | null): boolean => signal?.startsWith("gas_") === true;

/** One sector for every group with a standing gas alarm of level 1 or 2, and the names of those that lie apart. */
export function sectors(groups: readonly AlarmGroup[], fromDegrees: number | null, label: string): FeatureCollection<Polygon | Point> {
  if (fromDegrees === null) return { type: "FeatureCollection", features: [] };
  const drawn: Place[] = [];
  const named: Place[] = [];
  const near = (places: readonly Place[], at: Place, metres: number): boolean => places.some(([lon, lat]) => Math.hypot((lon - at[0]) * 91_500, (lat - at[1]) * 111_132) <= metres);
  const features = [...groups].sort((a, b) => a.worst - b.worst).flatMap((g): Feature<Polygon | Point>[] => {
    const gas = g.alarms.some((a) => isGas(a.signal) && a.level <= 2 && a.cleared_at === null && (a.condition === "H" || a.condition === "HH"));
    // Detectors stand close together: one sector for neighbours, one name for those within a sector's length.
    if (!gas || near(drawn, g.at, NEIGHBOURS_M)) return [];
    drawn.push(g.at);
    const sector: Feature<Polygon> = { type: "Feature", geometry: downwind(g.at, fromDegrees), properties: { level: g.worst } };
    if (near(named, g.at, RADIUS_M)) return [sector];
    named.push(g.at);
    // Named beyond its end, where the ground is free of the enterprise's own words.
    return [sector, { type: "Feature", geometry: { type: "Point", coordinates: offset(g.at, RADIUS_M + 14, fromDegrees + 180) }, properties: { level: g.worst, label } }];
  });
  return { type: "FeatureCollection", features };
}
