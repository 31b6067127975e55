/**
 * The map style: our own GeoJSON in the colours of tokens.css. Nothing is fetched from outside: no tiles, no sprite, and without a `glyphs`
 * address MapLibre draws every letter from the fonts of this machine.
 */
import type { ExpressionSpecification, StyleSpecification } from "maplibre-gl";
import { token, type Theme } from "../ui/tokens";

const EMPTY = { type: "FeatureCollection" as const, features: [] };
const FONT = ["Inter", "Noto Sans SC", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
/** MapLibre reads the weight out of the family names. */
const BOLD = ["Anlan Bold", ...FONT];

/** Pixels of a metre at zoom 10 and 20, at the latitude of Henan; between, twice per zoom. */
const PX_PER_M = (zoom: number): number => (2 ** zoom * 512) / (40_075_016 * Math.cos((34.76 * Math.PI) / 180));
const metres = (extra: number): ExpressionSpecification => [
  "interpolate", ["exponential", 2], ["zoom"],
  10, ["*", ["+", ["coalesce", ["get", "width_m"], 12], extra], PX_PER_M(10)],
  20, ["*", ["+", ["coalesce", ["get", "width_m"], 12], extra], PX_PER_M(20)],
];
/** Up to four kinds of equipment as symbol and count, under the name of an enterprise. */
const COUNTS = [1, 2, 3, 4].flatMap((i) => [["image", ["get", `icon${i}`]], {}, ["get", `count${i}`], { "font-scale": 0.9, "text-font": ["literal", FONT] }]) as ExpressionSpecification[];
const kind = (...kinds: string[]): ExpressionSpecification => ["in", ["get", "kind"], ["literal", kinds]];

/** Zooms at which the picture changes (design-language §7). */
export const ZOOM = { region: 12.2, enterprise: 13.2, symbols: 16, details: 17 } as const;

export function mapStyle(theme: Theme): StyleSpecification {
  const c = (name: string): string => token(theme, name);
  const halo = { "text-halo-color": c("map-plot"), "text-halo-width": 3, "text-halo-blur": 0.5 } as const;
  return {
    version: 8,
    sources: {
      base: { type: "geojson", data: EMPTY },
      plots: { type: "geojson", data: EMPTY },
      places: { type: "geojson", data: EMPTY },
      markers: { type: "geojson", data: EMPTY },
      alarms: { type: "geojson", data: EMPTY },
      quiet: { type: "geojson", data: EMPTY },
      wind: { type: "geojson", data: EMPTY },
    },
    layers: [
      { id: "land", type: "background", paint: { "background-color": c("map-land") } },
      { id: "region-line", type: "line", source: "base", filter: kind("region"), maxzoom: 14, paint: { "line-color": c("map-dikel"), "line-width": 1.2, "line-dasharray": [5, 3] } },
      { id: "green", type: "fill", source: "base", filter: kind("green"), paint: { "fill-color": c("map-green") } },
      { id: "water", type: "fill", source: "base", filter: kind("water"), paint: { "fill-color": c("map-water") } },
      { id: "boundary", type: "line", source: "base", filter: kind("boundary"), paint: { "line-color": c("map-dikel"), "line-width": 1.5, "line-dasharray": [6, 3] } },
      { id: "road-case", type: "line", source: "base", filter: kind("road"), layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": c("map-case"), "line-width": metres(3) } },
      { id: "road", type: "line", source: "base", filter: kind("road"), layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": c("map-road"), "line-width": metres(0) } },
      { id: "plot", type: "fill", source: "plots", paint: { "fill-color": c("map-plot") } },
      { id: "plot-green", type: "fill", source: "base", filter: kind("green"), minzoom: 13, paint: { "fill-color": c("map-green") } },
      { id: "building", type: "fill", source: "base", filter: kind("building"), minzoom: 13, paint: { "fill-color": c("map-bld"), "fill-outline-color": c("map-bldl") } },
      { id: "dike", type: "fill", source: "base", filter: kind("dike", "area"), minzoom: 14, paint: { "fill-color": c("map-dike"), "fill-outline-color": c("map-dikel") } },
      { id: "vessel", type: "fill", source: "base", filter: kind("tank", "sphere", "htank", "unit", "warehouse"), minzoom: 13, paint: { "fill-color": c("map-tank") } },
      { id: "vessel-line", type: "line", source: "base", filter: kind("tank", "sphere", "htank", "unit", "warehouse"), minzoom: 13, paint: { "line-color": c("map-tankl"), "line-width": ["interpolate", ["linear"], ["zoom"], 13, 0.5, 16, 1.1, 18, 1.6] } },
      { id: "plot-lost", type: "fill", source: "plots", filter: ["==", ["get", "lost"], true], paint: { "fill-pattern": "hatch" } },
      { id: "plot-line", type: "line", source: "plots", filter: ["!=", ["get", "lost"], true], paint: { "line-color": c("map-plotl"), "line-width": 1 } },
      { id: "plot-lost-line", type: "line", source: "plots", filter: ["==", ["get", "lost"], true], paint: { "line-color": c("bad"), "line-width": 1.3, "line-dasharray": [4, 3] } },
      {
        id: "road-name", type: "symbol", source: "base", filter: kind("road"), minzoom: 13.5,
        layout: { "symbol-placement": "line", "text-field": ["get", "label"], "text-font": FONT, "text-size": 11, "text-letter-spacing": 0.3, "symbol-spacing": 420 },
        paint: { "text-color": c("map-lab2"), "text-halo-color": c("map-road"), "text-halo-width": 2 },
      },
      {
        id: "ground-name", type: "symbol", source: "base", filter: ["all", kind("plot"), ["==", ["coalesce", ["get", "ref"], ""], ""]], minzoom: 14,
        layout: { "text-field": ["get", "label"], "text-font": FONT, "text-size": 11.5, "text-max-width": 14 }, paint: { "text-color": c("map-lab2"), "text-halo-color": c("map-plot"), "text-halo-width": 2 },
      },
      {
        id: "building-name", type: "symbol", source: "base", filter: kind("building", "water"), minzoom: 16.3,
        layout: { "text-field": ["get", "label"], "text-font": FONT, "text-size": 11 }, paint: { "text-color": c("map-lab2"), "text-halo-color": c("map-bld"), "text-halo-width": 1.5 },
      },
      { id: "wind", type: "fill", source: "wind", minzoom: ZOOM.region, paint: { "fill-color": ["match", ["get", "level"], 1, c("a1"), c("a2")], "fill-opacity": 0.1 } },
      { id: "wind-line", type: "line", source: "wind", minzoom: ZOOM.region, paint: { "line-color": ["match", ["get", "level"], 1, c("a1t"), c("a2t")], "line-width": 1.2, "line-dasharray": [3, 3] } },
      {
        id: "wind-name", type: "symbol", source: "wind", filter: ["==", ["geometry-type"], "Point"], minzoom: 14,
        layout: { "text-field": ["get", "label"], "text-font": FONT, "text-size": 11, "text-variable-anchor": ["center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"], "text-radial-offset": 1, "text-padding": 1 },
        paint: { "text-color": ["match", ["get", "level"], 1, c("a1t"), c("a2t")], "text-halo-color": c("map-plot"), "text-halo-width": 2 },
      },
      {
        id: "marker", type: "symbol", source: "markers", minzoom: 13,
        filter: ["<=", ["get", "minzoom"], ["zoom"]],
        layout: {
          "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": ["get", "order"],
          "icon-size": ["interpolate", ["linear"], ["zoom"], 15, 0.75, 17, 1],
          "text-field": ["step", ["zoom"], "", ZOOM.details, ["get", "tag"]], "text-font": FONT, "text-size": 11, "text-anchor": "top", "text-offset": [0, 1], "text-optional": true,
        },
        paint: { "text-color": c("map-lab"), ...halo },
      },
      {
        id: "place", type: "symbol", source: "places", filter: ["==", ["get", "kind"], "enterprise"], minzoom: ZOOM.region, maxzoom: 17.2,
        layout: {
          "text-field": ["step", ["zoom"], ["format", ["get", "name"], {}], 14, ["format", ["get", "name"], { "font-scale": 1 }, "\n", {}, ...COUNTS]],
          "text-font": BOLD, "text-size": ["interpolate", ["linear"], ["zoom"], 13, 10.5, 14.5, 13], "symbol-sort-key": ["get", "rank"],
          // Names never lie on each other: one that finds its place taken moves up or down a line.
          "text-variable-anchor-offset": ["center", [0, 0], "top", [0, 0.2], "bottom", [0, -0.2], "top", [0, 1.5], "bottom", [0, -1.5]], "text-justify": "center", "text-padding": 1, "text-allow-overlap": false, "text-line-height": 1.5, "text-max-width": 14,
        },
        paint: { "text-color": c("map-lab"), ...halo },
      },
      {
        id: "region", type: "symbol", source: "places", filter: ["==", ["get", "kind"], "region"], maxzoom: ZOOM.region,
        layout: {
          "icon-image": ["get", "icon"], "icon-size": 1.1, "icon-allow-overlap": true, "icon-anchor": "bottom", "text-field": ["get", "name"], "text-font": BOLD, "text-size": 14,
          "text-anchor": "top", "text-offset": [0, 0.3], "text-allow-overlap": true,
        },
        paint: { "text-color": c("map-lab"), "text-halo-color": c("map-land"), "text-halo-width": 3 },
      },
      { id: "selected", type: "circle", source: "alarms", filter: ["==", ["get", "selected"], true], paint: { "circle-radius": 19, "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": c("accent"), "circle-stroke-width": 2 } },
      {
        id: "alarm", type: "symbol", source: "alarms",
        layout: { "icon-image": ["get", "icon"], "icon-size": ["interpolate", ["linear"], ["zoom"], 13, 0.72, 14.4, 1], "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": ["get", "order"] },
      },
      {
        id: "quiet", type: "symbol", source: "quiet", minzoom: ZOOM.enterprise,
        layout: { "icon-image": ["get", "icon"], "icon-size": ["interpolate", ["linear"], ["zoom"], 13, 0.75, 15, 1], "icon-offset": [-14, -12], "icon-allow-overlap": true, "icon-ignore-placement": true },
      },
      {
        id: "alarm-count", type: "symbol", source: "alarms", minzoom: 13.6, filter: [">", ["get", "count"], 1],
        layout: {
          // Counts that would lie on each other are left to the graver alarm.
          "icon-image": "badge", "icon-offset": [16, -13], "icon-padding": 0, "symbol-sort-key": ["get", "rank"],
          "text-field": ["to-string", ["get", "count"]], "text-font": BOLD, "text-size": 10, "text-offset": [1.6, -1.3], "text-padding": 0,
        },
        paint: { "text-color": c("raised") },
      },
    ],
  };
}
