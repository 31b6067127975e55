/** A trend of one to three points on one time axis. Draws itself anew each second while it moves; the same figures are there as a table. */
import { useEffect, useMemo, useRef, useState } from "react";
import type { Point, Trend } from "../api/types";
import { useTheme } from "../app/theme";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useOpenAlarms, useStreamLost } from "../live/hooks";
import { useNow } from "../ui/clock";
import { Failed, Loading } from "../ui/faces";
import { formatNumber } from "../ui/number";
import { exactTime, durationWords } from "../ui/time";
import { init, trendOption, type EChartsType, type Panel } from "./chart";
import { gapsOf, lineOf, type Sample } from "./series";
import { useLiveTail, useTrend, type Window } from "./useTrend";

type Props = { points: readonly Point[]; window: Window; height: number; asTable?: boolean };
/** A point is missing after three scans; a gap on a chart must also be wide enough to see. */
const SILENT_SCANS = 3;

export function TrendChart({ points, window: span, height, asTable = false }: Props) {
  const { t, language } = useI18n();
  const { theme } = useTheme();
  const streamLost = useStreamLost();
  const tick = useNow(1000);
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const [width, setWidth] = useState(0);
  const moving = "span" in span;

  // Three at most, in fixed places, so that the hooks keep their order.
  const [p0, p1, p2] = points;
  const pixels = Math.max(120, Math.min(900, Math.round((width || 640) / 1.5)));
  const trends = [useTrend(p0?.id ?? null, span, pixels), useTrend(p1?.id ?? null, span, pixels), useTrend(p2?.id ?? null, span, pixels)];
  const end = (trend: Trend | null): number | null => trend?.to ?? null;
  const [t0, t1, t2] = [trends[0]?.data ?? null, trends[1]?.data ?? null, trends[2]?.data ?? null];
  const tails = [useLiveTail(moving ? (p0?.id ?? null) : null, end(t0)), useLiveTail(moving ? (p1?.id ?? null) : null, end(t1)), useLiveTail(moving ? (p2?.id ?? null) : null, end(t2))];
  const open = useOpenAlarms();

  const frozenTick = useRef(tick);
  if (!streamLost) frozenTick.current = tick;
  const to = "to" in span ? span.to : frozenTick.current;
  const from = "from" in span ? span.from : to - span.span;

  const panels: Panel[] = points.slice(0, 3).map((point, i) => {
    const trend = [t0, t1, t2][i] ?? null;
    const buckets = trend?.buckets ?? [];
    const length = buckets[0] && buckets[1] ? buckets[1].t - buckets[0].t : 1000;
    const silence = Math.max(SILENT_SCANS * point.scan_ms, (to - from) / 200, 10_000);
    const samples: Sample[] = [...lineOf(buckets, length)];
    let before = samples.at(-1)?.t ?? null;
    for (const s of tails[i] ?? []) {
      if (before !== null && s.t - before > silence) samples.push({ t: before + 1, v: null });
      samples.push(s);
      before = s.t;
    }
    const gaps = trend ? gapsOf(buckets, trend.from, trend.to, silence) : [];
    const alarms = new Map((trend?.alarms ?? []).map((a) => [a.id, a]));
    for (const a of open.values()) if (a.point === point.id) alarms.set(a.id, a);
    return {
      point, samples, name: localName(point.name, language),
      gaps: gaps.filter((g) => g.to > from).map((gap) => ({ gap, words: t(gap.kind === "bad" ? "trend.bad" : "trend.missing", { duration: durationWords(gap.to - gap.from, language) }) })),
      alarms: [...alarms.values()].map((alarm) => ({ alarm, words: t(`alarms.short.${alarm.condition}`) })),
    };
  });

  useEffect(() => {
    const element = holder.current;
    if (!element || asTable) return;
    // Begun once there is room: a part that is not laid out yet has none.
    const fit = (): void => {
      if (element.clientWidth === 0 || element.clientHeight === 0) return;
      if (chart.current) chart.current.resize();
      else chart.current = init(element, null, { renderer: "canvas" });
      setWidth(element.clientWidth);
    };
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    fit();
    return () => {
      observer.disconnect();
      chart.current?.dispose();
      chart.current = null;
    };
  }, [asTable]);

  useEffect(() => {
    if (width > 0) chart.current?.setOption(trendOption({ panels, from, to, theme, live: moving, width, height }), { notMerge: true, lazyUpdate: true });
  });

  const summary = useMemo(() => {
    const buckets = t0?.buckets.filter((b) => b.count > 0) ?? [];
    if (!p0 || buckets.length === 0) return t("trend.empty");
    const f = (v: number): string => formatNumber(v, p0.decimals);
    const [min, max] = [Math.min(...buckets.map((b) => b.min ?? Infinity)), Math.max(...buckets.map((b) => b.max ?? -Infinity))];
    return t("trend.summary", { name: `${p0.tag} ${localName(p0.name, language)}`, count: buckets.reduce((n, b) => n + b.count, 0), min: f(min), max: f(max), last: f(buckets.at(-1)?.last ?? max), unit: p0.unit });
  }, [t0, p0, t, language]);

  const failed = trends.find((r) => r.error && !r.data);
  if (failed?.error) return <Failed what={t("trend.what")} error={failed.error} retry={() => trends.forEach((r) => r.reload())} />;
  if (asTable) return <TrendTable point={p0} trend={t0} height={height} />;
  return (
    <div style={{ position: "relative", height }}>
      <div ref={holder} role="img" aria-label={summary} style={{ height, width: "100%" }} />
      {trends[0]?.loading && !t0 ? <div style={{ position: "absolute", inset: 0 }}><Loading /></div> : null}
    </div>
  );
}

function TrendTable({ point, trend, height }: { point: Point | undefined; trend: Trend | null; height: number }) {
  const { t } = useI18n();
  if (!point || !trend) return <Loading />;
  const step = Math.max(1, Math.ceil(trend.buckets.length / 200));
  return (
    <div style={{ height, overflow: "auto" }} tabIndex={0} role="region" aria-label={t("trend.table")}>
      <table className="plain">
        <thead><tr><th scope="col">{t("trend.time")}</th><th scope="col" className="num">{t("trend.value")} {point.unit}</th></tr></thead>
        <tbody>
          {trend.buckets.filter((_, i) => i % step === 0).reverse().map((b) => (
            <tr key={b.t}><td>{exactTime(b.t)}</td><td className="num">{b.count === 0 || b.last === null ? t("quality.bad") : formatNumber(b.last, point.decimals)}</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
