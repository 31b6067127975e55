/**
 * ECharts with only what a trend needs, and the option of a trend as a plain function: panels on one time axis, limits that take their level
 * colour once crossed, alarm moments through all panels, gaps hatched and named (design-language §6).
 */
import { LineChart } from "echarts/charts";
import { GridComponent, MarkAreaComponent, MarkLineComponent, TitleComponent, TooltipComponent } from "echarts/components";
import { init, use as register, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { Alarm, Level, LimitKey, Point } from "../api/types";
import { symbolMarkup } from "../ui/Symbol";
import { token, type Theme } from "../ui/tokens";
import { exactTime, hourMinute, clockTime } from "../ui/time";
import { formatNumber } from "../ui/number";
import { clearHeight, gapLabels, layoutMoments, textWidth } from "./layout";
import { extentOf, type Gap, type Sample } from "./series";

register([LineChart, GridComponent, MarkAreaComponent, MarkLineComponent, TitleComponent, TooltipComponent, CanvasRenderer]);
export { init, type EChartsType };

export type Panel = { point: Point; name: string; samples: readonly Sample[]; gaps: readonly { gap: Gap; words: string }[]; alarms: readonly { alarm: Alarm; words: string }[] };
export type Drawn = { panels: readonly Panel[]; from: number; to: number; theme: Theme; live: boolean; width: number; height: number };

/** The outer of two first: where they are close together it keeps its label. */
const LIMITS: readonly (readonly [LimitKey, string])[] = [["hh", "HH"], ["h", "H"], ["ll", "LL"], ["l", "L"]];

let hatches: Partial<Record<Theme, HTMLCanvasElement>> = {};
function hatch(theme: Theme): HTMLCanvasElement {
  const made = hatches[theme];
  if (made) return made;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const pen = canvas.getContext("2d");
  if (pen) {
    pen.strokeStyle = token(theme, "bad");
    pen.globalAlpha = 0.4;
    pen.lineWidth = 1;
    pen.beginPath();
    for (const x of [-8, 0, 8]) {
      pen.moveTo(x, 8);
      pen.lineTo(x + 8, 0);
    }
    pen.stroke();
  }
  hatches = { ...hatches, [theme]: canvas };
  return canvas;
}

function levelPicture(level: Level, theme: Theme): string {
  const body = symbolMarkup(`al-${level}`).replace(/style="fill:var\(--k,#fff\)"/g, `fill="${token(theme, `k${level}`)}"`).replace(/style="stroke:var\(--ko,none\)"/g, level === 3 ? `stroke="${token(theme, "a3o")}"` : "").replaceAll("currentColor", token(theme, `a${level}`));
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48" viewBox="0 0 24 24">${body}</svg>`)}`;
}

/** The level a crossed limit has, or nothing while it was not crossed. */
function crossedLevel(panel: Panel, code: string): Level | null {
  const found = panel.alarms.filter(({ alarm }) => alarm.condition === code && alarm.point === panel.point.id).map(({ alarm }) => alarm.level);
  return found.length > 0 ? (Math.min(...found) as Level) : null;
}

function scaleOf(panel: Panel): { low: number; high: number } {
  return extentOf(panel.samples, LIMITS.flatMap(([k]) => (panel.point.limits?.[k] ? [panel.point.limits[k].value] : [])), panel.point.range);
}

const TOP = 46;
const BOTTOM = 28;
const GAP = 40;

/** The first panel is the one looked at and gets half the height; the others share the rest. */
export function panelBoxes(count: number, height: number): { top: number; height: number }[] {
  const room = height - TOP - BOTTOM - (count - 1) * GAP;
  if (count <= 1) return [{ top: TOP, height: Math.max(60, room) }];
  const first = Math.max(80, room * (count === 2 ? 0.62 : 0.54));
  const other = Math.max(30, (room - first) / (count - 1));
  return Array.from({ length: count }, (_, i) => (i === 0 ? { top: TOP, height: first } : { top: TOP + first + GAP + (i - 1) * (other + GAP), height: other }));
}

export function trendOption({ panels, from, to, theme, live, width, height }: Drawn): Record<string, unknown> {
  const c = (name: string): string => token(theme, name);
  const boxes = panelBoxes(panels.length, height);
  const [left, right] = width < 500 ? [40, 56] : [56, 78];
  const small = { fontSize: 11, color: c("ink3"), fontFamily: "Inter, Noto Sans SC, Noto Sans CJK SC, sans-serif" };
  const moments = panels[0]?.alarms.slice().sort((a, b) => a.alarm.level - b.alarm.level || b.alarm.raised_at - a.alarm.raised_at).slice(0, 12) ?? [];
  const px = (at: number): number => ((at - from) / (to - from)) * (width - left - right);
  const shownMoments = moments.filter(({ alarm }) => alarm.raised_at >= from && alarm.raised_at <= to).map((m) => ({ ...m, text: `${m.words} ${clockTime(m.alarm.raised_at)}` }));
  const labels = layoutMoments(shownMoments.map(({ alarm, text }) => ({ x: px(alarm.raised_at), words: text })), 12, -left, width - left);
  const momentLine = (withWords: boolean): object[] =>
    shownMoments.map(({ alarm, text }, i) => {
      const { symbol, words } = labels[i] ?? { symbol: false, words: null };
      // The symbol stands on its line: the words on one side are balanced by as much room on the other.
      const wide = Math.ceil(textWidth(text, 12)) + 6;
      return {
        xAxis: alarm.raised_at,
        lineStyle: { color: c(alarm.level === 3 ? "a3o" : `a${alarm.level}`), type: [2, 3], width: 1.3 },
        label: withWords && symbol ? {
          show: true, position: "end", distance: 6, formatter: words === null ? "{s|}" : words === "left" ? `{w|${text}}{s|}{p|}` : `{p|}{s|}{w|${text}}`,
          rich: {
            s: { width: 14, height: 14, backgroundColor: { image: levelPicture(alarm.level, theme) } }, p: { width: wide, height: 14 },
            w: { ...small, width: wide, align: words === "left" ? "left" : "right", color: c(`a${alarm.level}t`), fontWeight: 600, fontSize: 12 },
          },
        } : { show: false },
      };
    });

  // The last point is a dot, in the level colour of what stands on it: a series of one point each.
  const dots = panels.flatMap((p, i) => {
    const last = p.samples.findLast((s) => s.v !== null);
    if (!live || !last || last.t < from) return [];
    const worst = p.alarms.filter(({ alarm }) => alarm.cleared_at === null).reduce<number | null>((w, { alarm }) => (w === null ? alarm.level : Math.min(w, alarm.level)), null);
    return [{ type: "line", xAxisIndex: i, yAxisIndex: i, silent: true, symbol: "circle", symbolSize: 7, data: [[last.t, last.v]], itemStyle: { color: c(worst ? `a${worst}` : "ink") }, tooltip: { show: false } }];
  });

  // The words of gaps stand above every line, where no limit runs, on a halo of the ground.
  const gapWords = panels.flatMap((p, i) => {
    const box = boxes[i];
    if (!box) return [];
    const { low, high } = scaleOf(p);
    const y = clearHeight(box.height, LIMITS.flatMap(([k]) => (p.point.limits?.[k] ? [((high - p.point.limits[k].value) / (high - low)) * box.height] : [])));
    const spots = p.gaps.map(({ gap, words }) => {
      const [a, b] = [Math.max(from, gap.from), Math.min(to, gap.to)];
      return { x: px((a + b) / 2), width: px(b) - px(a), words, at: (a + b) / 2, kind: gap.kind };
    });
    const shown = gapLabels(spots, 11, 0, width - left - right);
    const data = spots.filter((_, n) => shown[n]).map(({ at, words, kind }) => ({
      value: [at, high - (y / box.height) * (high - low)],
      label: { show: true, position: "inside", formatter: words, fontSize: 11, fontFamily: small.fontFamily, color: c(kind === "before" ? "ink3" : "bad"), backgroundColor: c("raised"), padding: [2, 4], borderRadius: 2 },
    }));
    return data.length > 0 ? [{ type: "line", xAxisIndex: i, yAxisIndex: i, silent: true, z: 8, symbol: "circle", symbolSize: 1, itemStyle: { color: c("raised") }, lineStyle: { opacity: 0 }, data, tooltip: { show: false } }] : [];
  });

  return {
    animation: false,
    textStyle: { fontFamily: small.fontFamily },
    title: panels.map((p, i) => ({
      left, top: (boxes[i]?.top ?? 0) - (i === 0 ? 40 : 28), padding: 0,
      text: `{n|${p.name}} {u|${p.point.unit}   ${p.point.tag}}`,
      textStyle: { rich: { n: { fontSize: 12, fontWeight: 600, color: c("ink") }, u: { fontSize: 12, color: c("ink3") } } },
    })),
    grid: panels.map((_, i) => ({ left, right, top: boxes[i]?.top, height: boxes[i]?.height })),
    xAxis: panels.map((_, i) => ({
      gridIndex: i, type: "time", min: from, max: to, axisLine: { lineStyle: { color: c("line") } }, axisTick: { show: false }, splitLine: { show: true, lineStyle: { color: c("line"), opacity: 0.7 } }, splitNumber: width < 500 ? 3 : 6,
      axisLabel: i === panels.length - 1 ? { ...small, hideOverlap: true, formatter: (t: number) => (to - from > 2 * 86_400_000 ? `${new Date(t).getMonth() + 1}-${new Date(t).getDate()}` : hourMinute(t)) } : { show: false },
    })),
    yAxis: panels.map((p, i) => {
      const { low, high } = scaleOf(p);
      return {
        gridIndex: i, type: "value", min: low, max: high, splitNumber: i === 0 ? 4 : 2, axisLine: { show: false }, axisTick: { show: false }, splitLine: { lineStyle: { color: c("line"), opacity: 0.7 } },
        axisLabel: { ...small, showMinLabel: false, showMaxLabel: false, formatter: (v: number) => formatNumber(v, Math.min(p.point.decimals, high - low < 1 ? 3 : high - low < 10 ? 1 : 0)) },
      };
    }),
    tooltip: {
      trigger: "axis", confine: true, backgroundColor: c("raised"), borderColor: c("line"), textStyle: { color: c("ink"), fontSize: 12 }, axisPointer: { type: "line", lineStyle: { color: c("ink3") } },
      formatter: (items: { seriesIndex: number; value: [number, number | null] }[]) => {
        const at = items[0]?.value[0];
        if (at === undefined) return "";
        const rows = items.filter((item) => item.seriesIndex < panels.length).map(({ seriesIndex, value }) => {
          const p = panels[seriesIndex]?.point;
          return p && value[1] !== null ? `${escapeHtml(p.tag)} <b>${formatNumber(value[1], p.decimals)}</b> ${escapeHtml(p.unit)}` : "";
        });
        return [exactTime(at), ...rows.filter(Boolean)].join("<br>");
      },
    },
    series: panels.map((p, i) => {
      const box = boxes[i];
      const { low, high } = scaleOf(p);
      const labelled: number[] = [];
      const limits = LIMITS.flatMap(([key, code]) => {
        const limit = p.point.limits?.[key];
        if (!limit) return [];
        const crossed = crossedLevel(p, code);
        // Two limits close together: the outer keeps its label, the inner its line.
        const y = box ? ((high - limit.value) / (high - low)) * box.height : 0;
        const room = labelled.every((other) => Math.abs(y - other) >= 13);
        if (room) labelled.push(y);
        const colour = crossed ? c(crossed === 3 ? "a3o" : `a${crossed}`) : c("line3");
        return [{
          yAxis: limit.value, lineStyle: { color: colour, width: crossed ? 1.4 : 1, type: key === "hh" || key === "ll" ? (crossed ? "solid" : [4, 4]) : [5, 3] },
          label: { show: room, position: "end", formatter: `${code} ${formatNumber(limit.value, Math.min(p.point.decimals, 2))}`, color: crossed ? c(`a${crossed}t`) : c("ink3"), fontSize: 11, fontWeight: crossed ? 600 : 400 },
        }];
      });
      const normal = [p.point.limits?.l?.value ?? p.point.range[0], p.point.limits?.h?.value] as const;
      return {
        type: "line", xAxisIndex: i, yAxisIndex: i, showSymbol: false, connectNulls: false, silent: true, clip: true,
        lineStyle: { color: c("ink"), width: 1.6 }, itemStyle: { color: c("ink") }, data: p.samples.map((s) => [s.t, s.v]),
        markLine: { silent: true, symbol: "none", animation: false, data: [...limits, ...momentLine(i === 0)] },
        markArea: {
          silent: true, animation: false,
          data: [
            ...(normal[1] !== undefined ? [[{ yAxis: normal[0], itemStyle: { color: c("accent"), opacity: 0.045 } }, { yAxis: normal[1] }]] : []),
            ...p.gaps.map(({ gap }) => [
              { xAxis: Math.max(from, gap.from), itemStyle: gap.kind === "before" ? { opacity: 0 } : { color: { image: hatch(theme), repeat: "repeat" }, opacity: 1 }, label: { show: false } },
              { xAxis: Math.min(to, gap.to) },
            ]),
          ],
        },
      };
    }).concat(dots as never[], gapWords as never[]),
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (ch) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[ch] ?? ch);
}
