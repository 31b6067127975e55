/**
 * The map itself: MapLibre with our style, fed with GeoJSON. It draws; what is drawn is decided in markers.ts. Callouts, rings and the
 * notes of lost plots are the few parts that stand in the page above the canvas, moved with it.
 */
import "maplibre-gl/dist/maplibre-gl.css";
import { Map as MapLibreMap, setWorkerUrl, type GeoJSONSource } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import type { FeatureCollection } from "geojson";
import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import type { MapData } from "../api/types";
import type { Theme } from "../ui/tokens";
import { addImages } from "./images";
import type { Band, Bounds, Place } from "./markers";
import { mapStyle, ZOOM } from "./style";

setWorkerUrl(workerUrl);

export type Hit = { kind: "enterprise" | "region" | "equipment" | "alarm"; id: string };
export type Projector = (place: Place) => { x: number; y: number };
export type View = { band: Band; zoom: number; metresPerPixel: number; width: number; height: number; center: Place };
export type MapHandle = { fit: (bounds: Bounds) => void; flyTo: (place: Place, zoom?: number) => void; zoomBy: (step: 1 | -1) => void };

type Props = {
  theme: Theme;
  base: MapData;
  plots: MapData;
  places: FeatureCollection;
  markers: FeatureCollection;
  alarms: FeatureCollection;
  /** Marks with `words`, shown while the pointer is on one. */
  quiet: FeatureCollection;
  wind: FeatureCollection;
  bounds: Bounds | null;
  drained: boolean;
  label: string;
  summary: string;
  onHit: (hit: Hit) => void;
  onReady: (handle: MapHandle) => void;
  onView: (view: View) => void;
  onFailed: () => void;
  /** Drawn above the canvas; gets the projection of the present view. */
  overlay: (project: Projector, view: View) => ReactNode;
};

const CLICKABLE: readonly (readonly [layer: string, kind: Hit["kind"], property: string])[] = [
  ["alarm", "alarm", "alarm"], ["quiet", "equipment", "id"], ["marker", "equipment", "id"], ["place", "enterprise", "code"], ["region", "region", "code"], ["vessel", "equipment", "ref"],
];

export function bandOf(zoom: number): Band {
  return zoom < ZOOM.region ? "region" : zoom < ZOOM.enterprise ? "enterprise" : "equipment";
}

function padding(map: MapLibreMap): { top: number; right: number; bottom: number; left: number } {
  const narrow = map.getContainer().clientWidth < 600;
  return narrow ? { top: 56, right: 8, bottom: 48, left: 8 } : { top: 60, right: 24, bottom: 64, left: 24 };
}

export function MapView(props: Props) {
  const { theme, base, plots, places, markers, alarms, quiet, wind, bounds, drained, label, summary, overlay } = props;
  const holder = useRef<HTMLDivElement>(null);
  const mapRef = useRef<MapLibreMap | null>(null);
  const [ready, setReady] = useState(0);
  const [view, setView] = useState<View | null>(null);
  const [hint, setHint] = useState<{ x: number; y: number; words: string } | null>(null);
  const callbacks = useRef(props);
  useEffect(() => {
    callbacks.current = props;
  });

  useEffect(() => {
    const container = holder.current;
    if (!container) return;
    let map: MapLibreMap;
    const start = callbacks.current;
    try {
      map = new MapLibreMap({
        container, attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false, maxZoom: 20, minZoom: 5,
        fadeDuration: 0, ...(start.bounds ? { bounds: start.bounds, fitBoundsOptions: { padding: 40 } } : { center: [113.6, 34.2], zoom: 6.5 }),
      });
    } catch {
      start.onFailed();
      return;
    }
    mapRef.current = map;
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.getCanvas().setAttribute("aria-label", start.label);
    const report = (): void => {
      const { lng, lat } = map.getCenter();
      const next: View = {
        band: bandOf(map.getZoom()), zoom: map.getZoom(), center: [lng, lat], width: container.clientWidth, height: container.clientHeight,
        metresPerPixel: (40_075_016 * Math.cos((lat * Math.PI) / 180)) / (2 ** map.getZoom() * 512),
      };
      setView(next);
      callbacks.current.onView(next);
    };
    map.on("move", report);
    map.on("resize", report);
    map.on("click", (event) => {
      const present = CLICKABLE.filter(([layer]) => map.getLayer(layer));
      const found = map.queryRenderedFeatures([[event.point.x - 4, event.point.y - 4], [event.point.x + 4, event.point.y + 4]], { layers: present.map(([layer]) => layer) });
      for (const [layer, kind, property] of present) {
        const id = found.find((f) => f.layer.id === layer)?.properties[property] as unknown;
        if (typeof id === "string" && id !== "") return callbacks.current.onHit({ kind, id });
      }
    });
    for (const [layer] of CLICKABLE) {
      map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
      map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
    }
    map.on("mousemove", "quiet", (event) => {
      const words = event.features?.[0]?.properties["words"] as unknown;
      setHint(typeof words === "string" ? { x: event.point.x, y: event.point.y, words } : null);
    });
    map.on("mouseleave", "quiet", () => setHint(null));
    // The camera works before the first picture is drawn; waiting for it would keep the callouts away on a slow machine.
    if (start.bounds) map.fitBounds(start.bounds, { padding: padding(map), animate: false });
    report();
    start.onReady({
      fit: (b) => map.fitBounds(b, { padding: padding(map), duration: 600 }),
      flyTo: (place, zoom = 17.4) => map.flyTo({ center: place, zoom, duration: 700 }),
      zoomBy: (step) => map.zoomTo(map.getZoom() + step, { duration: 160 }),
    });
    return () => {
      mapRef.current = null;
      map.remove();
    };
  }, []);

  // A theme is a style and its images; sources start empty in a new style, so `ready` counts up and fills them again.
  useEffect(() => {
    const map = mapRef.current;
    if (!map) return;
    let current = true;
    map.setStyle(mapStyle(theme), { diff: false });
    map.once("style.load", () => {
      void addImages(map, theme).then(() => {
        if (current && mapRef.current === map) setReady((n) => n + 1);
      });
    });
    return () => {
      current = false;
    };
  }, [theme]);

  const fill = useCallback((id: string, data: FeatureCollection | MapData): void => {
    const source = mapRef.current?.getSource<GeoJSONSource>(id);
    void source?.setData(data as FeatureCollection);
  }, []);
  useEffect(() => { if (ready) fill("base", base); }, [ready, base, fill]);
  useEffect(() => { if (ready) fill("plots", plots); }, [ready, plots, fill]);
  useEffect(() => { if (ready) fill("places", places); }, [ready, places, fill]);
  useEffect(() => { if (ready) fill("markers", markers); }, [ready, markers, fill]);
  useEffect(() => { if (ready) fill("alarms", alarms); }, [ready, alarms, fill]);
  useEffect(() => { if (ready) fill("quiet", quiet); }, [ready, quiet, fill]);

  useEffect(() => { if (ready) fill("wind", wind); }, [ready, wind, fill]);

  const key = bounds?.join(",");
  const fitted = useRef(key);
  useEffect(() => {
    const map = mapRef.current;
    if (map && key && key !== fitted.current) map.fitBounds(key.split(",").map(Number) as Bounds, { padding: padding(map), duration: 600 });
    fitted.current = key;
  }, [key]);

  const project: Projector = (place) => mapRef.current?.project(place) ?? { x: -1000, y: -1000 };
  return (
    <div className={`map-view ${drained ? "drained" : ""}`} role="region" aria-label={label} data-ready={ready > 0}>
      <p className="visually-hidden">{summary}</p>
      <div ref={holder} className="map-canvas" />
      {view ? overlay(project, view) : null}
      {hint ? <p className="float map-hint f12" role="tooltip" style={{ transform: `translate(${Math.min(hint.x + 14, (holder.current?.clientWidth ?? 600) - 300)}px, ${hint.y + 14}px)` }}>{hint.words}</p> : null}
    </div>
  );
}
