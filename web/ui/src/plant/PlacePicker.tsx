/** Places a record on the map: a click sets it, a drag of the marker moves it. The numbers stand beside it for those who have them. */
import "maplibre-gl/dist/maplibre-gl.css";
import { Map as MapLibreMap, Marker, type GeoJSONSource } from "maplibre-gl";
import { useEffect, useRef } from "react";
import { get } from "../api/client";
import type { MapData } from "../api/types";
import { useResource } from "../api/useResource";
import { useI18n } from "../i18n";
import "../map/MapView";
import { addImages } from "../map/images";
import { mapStyle } from "../map/style";
import { useTheme } from "../app/theme";

export type Place = { lon: number; lat: number };

export function PlacePicker({ value, onChange, near, disabled }: { value?: Place | null; onChange?: (place: Place | null) => void; near: Place | null; disabled?: boolean }) {
  const { t } = useI18n();
  const { theme } = useTheme();
  const holder = useRef<HTMLDivElement>(null);
  const map = useRef<MapLibreMap | null>(null);
  const marker = useRef<Marker | null>(null);
  const change = useRef(onChange);
  useEffect(() => {
    change.current = onChange;
  });
  const base = useResource("place-picker-map", (signal) => get<MapData>("/map", {}, signal));
  const center = value ?? near;

  useEffect(() => {
    if (!holder.current || !base.data || !center) return;
    const made = new MapLibreMap({
      container: holder.current, style: mapStyle(theme), center: [center.lon, center.lat], zoom: 16, attributionControl: false, dragRotate: false, localIdeographFontFamily: "sans-serif",
    });
    map.current = made;
    const data = base.data;
    made.on("load", () => {
      // Only the hatch of lost plots needs them; the ground is placed on without.
      addImages(made, theme).catch(() => undefined);
      const labelled = { ...data, features: data.features.map((f) => ({ ...f, properties: { ...f.properties, label: "" } })) };
      void made.getSource<GeoJSONSource>("base")?.setData(labelled);
      void made.getSource<GeoJSONSource>("plots")?.setData({ ...labelled, features: labelled.features.filter((f) => f.properties.kind === "plot") });
    });
    if (!disabled) made.on("click", (e) => change.current?.({ lon: round(e.lngLat.lng), lat: round(e.lngLat.lat) }));
    return () => {
      made.remove();
      map.current = null;
      marker.current = null;
    };
    // The picker is made once the ground is there; moving the value moves the marker below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [base.data, theme, disabled]);

  useEffect(() => {
    if (!map.current) return;
    marker.current?.remove();
    marker.current = null;
    if (!value) return;
    marker.current = new Marker({ draggable: !disabled, color: getComputedStyle(document.documentElement).getPropertyValue("--accent").trim() || "#0D5763" }).setLngLat([value.lon, value.lat]).addTo(map.current);
    marker.current.on("dragend", () => {
      const at = marker.current?.getLngLat();
      if (at) change.current?.({ lon: round(at.lng), lat: round(at.lat) });
    });
  }, [value, base.data, disabled]);

  return (
    <div className="place-picker">
      <div ref={holder} className="ground" role="application" aria-label={t("plant.place")} />
      <p className="row g8 m f12">
        <span className="grow">{value ? t("plant.placed", { lon: value.lon.toFixed(6), lat: value.lat.toFixed(6) }) : `${t("plant.noPlace")} · ${t("plant.place")}`}</span>
        {value && !disabled ? <button type="button" className="btn txt sm" onClick={() => onChange?.(null)}>{t("plant.clearPlace")}</button> : null}
      </p>
    </div>
  );
}

/** About a decimetre: finer than anybody places by hand. */
function round(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}
