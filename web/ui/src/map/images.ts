/**
 * Raster images for MapLibre, drawn from the symbol sprite in the colours of the theme: MapLibre takes one-colour signed-distance icons or
 * ready pixels, and our symbols have two colours.
 */
import type { Map as MapLibreMap } from "maplibre-gl";
import { QUIET_SYMBOL } from "../alarms/quiet";
import { symbolMarkup } from "../ui/Symbol";
import { token, type Theme } from "../ui/tokens";

const EQUIPMENT = ["eq-tank", "eq-sphere", "eq-htank", "eq-unit", "eq-warehouse", "eq-gas", "eq-camera", "eq-gateway", "eq-enterprise"] as const;

function svg(size: number, body: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 ${size} ${size}">${body}</svg>`;
}

/** A symbol of 24 units placed into a picture; `--k` and `--ko` are resolved here because an image has no style sheet. */
function placed(name: string, at: number, size: number, colours: { ink: string; k?: string; ko?: string }): string {
  const markup = symbolMarkup(name)
    .replace(/style="fill:var\(--k,#fff\)"/g, `fill="${colours.k ?? "#fff"}"`)
    .replace(/style="stroke:var\(--ko,none\)"/g, `stroke="${colours.ko ?? "none"}"`)
    .replaceAll("currentColor", colours.ink);
  return `<g transform="translate(${at} ${at}) scale(${size / 24})">${markup}</g>`;
}

async function pixels(source: string, size: number, ratio: number): Promise<ImageData> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * ratio;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas for map symbols");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function pictures(theme: Theme): Record<string, [size: number, source: string]> {
  const t = (name: string): string => token(theme, name);
  const all: Record<string, [number, string]> = {};
  const white = theme === "light" ? "#FFFFFF" : t("raised");
  for (const name of EQUIPMENT) {
    all[name] = [20, svg(20, placed(name, 1, 18, { ink: t("map-lab") }))];
    all[`${name}-small`] = [15, svg(15, placed(name, 0.5, 14, { ink: t("map-lab") }))];
  }
  for (const level of [1, 2, 3, 4]) {
    const colours = { ink: t(`a${level}`), k: t(`k${level}`), ...(level === 3 ? { ko: t("a3o") } : {}) };
    const disc = `<circle cx="13" cy="13" r="12.5" fill="${white}" fill-opacity=".92"/>`;
    all[`alarm-${level}`] = [26, svg(26, disc + placed(`al-${level}`, 4.5, 17, colours))];
    all[`alarm-${level}-o`] = [26, svg(26, disc + placed(`al-${level}-o`, 4.5, 17, level === 3 ? { ink: t("a3o") } : colours))];
    all[`level-${level}`] = [18, svg(18, placed(`al-${level}`, 1, 16, colours))];
  }
  for (const [quiet, symbol] of Object.entries(QUIET_SYMBOL)) {
    all[`quiet-${quiet}`] = [18, svg(18, `<circle cx="9" cy="9" r="8.5" fill="${white}" stroke="${t("line3")}" stroke-width="1"/>${placed(symbol, 3, 12, { ink: t("ink") })}`)];
  }
  all["fault"] = [22, svg(22, `<circle cx="11" cy="11" r="10.5" fill="${white}" fill-opacity=".92"/>${placed("q-bad", 3, 16, { ink: t("bad") })}`)];
  all["badge"] = [16, svg(16, `<rect x="0" y="1" width="16" height="14" rx="2.5" fill="${t("ink")}"/>`)];
  all["none"] = [2, svg(2, "")]; // where a label has fewer symbols than places for them
  // 45° hatch, one repeat: what has no data (design-language §2.3).
  const hatch = Array.from({ length: 3 }, (_, i) => `<path d="M${i * 8 - 8} 8 L${i * 8} 0" stroke="${t("bad")}" stroke-width="1" opacity=".3"/>`).join("");
  all["hatch"] = [8, svg(8, hatch)];
  return all;
}

/** Draws every image in the theme's colours and gives it to the map. */
export async function addImages(map: MapLibreMap, theme: Theme): Promise<void> {
  const ratio = Math.min(2, Math.max(1, Math.round(window.devicePixelRatio)));
  const drawn = await Promise.all(Object.entries(pictures(theme)).map(async ([name, [size, source]]) => [name, await pixels(source, size, ratio)] as const));
  for (const [name, data] of drawn) {
    if (map.hasImage(name)) map.removeImage(name);
    map.addImage(name, data, { pixelRatio: ratio });
  }
}
