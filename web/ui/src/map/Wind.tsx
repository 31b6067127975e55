/** The wind at the top right of the map, from the weather station among the points; nothing where there is none. */
import { useEffect, useMemo } from "react";
import { get, type Page } from "../api/client";
import type { Point } from "../api/types";
import { useResource } from "../api/useResource";
import { useReading } from "../equipment/reading";
import { useI18n } from "../i18n";
import { useSubscription } from "../live/hooks";
import { Symbol } from "../ui/Symbol";
import { Value } from "../ui/Value";
import { CALM_M_PER_S, compassKey } from "./wind";

export type Station = { speed: Point; direction: Point };

/** The first place that measures both speed and direction. */
export function useStation(): Station | null {
  const found = useResource("wind", (signal) => get<Page<Point>>("/points", { q: "wind", limit: 50 }, signal), 600_000);
  return useMemo(() => {
    const points = found.data?.items ?? [];
    for (const direction of points.filter((p) => p.signal === "wind_direction")) {
      const speed = points.find((p) => p.signal === "wind_speed" && p.equipment === direction.equipment);
      if (speed) return { speed, direction };
    }
    return null;
  }, [found.data]);
}

export function WindCard({ station, onDirection }: { station: Station; onDirection: (degrees: number | null) => void }) {
  const { t } = useI18n();
  useSubscription("wind", { points: [station.speed.id, station.direction.id] });
  const speed = useReading(station.speed);
  const direction = useReading(station.direction);
  const from = direction.face === "good" && speed.face === "good" && (speed.live?.value ?? 0) >= CALM_M_PER_S ? (direction.live?.value ?? null) : null;
  // Degrees shake; the sector need not.
  const steady = from === null ? null : Math.round(from / 5) * 5;
  useEffect(() => onDirection(steady), [steady, onDirection]);
  if (!speed.live) return null;
  return (
    <div className="float map-wind" role="group" aria-label={t("map.windLabel")}>
      {from === null ? null : <Symbol name="eq-wind" size={16} style={{ transform: `rotate(${from + 180}deg)` }} />}
      <b>{from === null ? t("map.windLabel") : t(compassKey(from))}</b>
      <Value value={speed.live.value} unit={station.speed.unit} decimals={station.speed.decimals} face={speed.face} />
    </div>
  );
}

