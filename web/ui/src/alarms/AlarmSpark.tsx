/** The hour before now of the point behind an alarm, small, with the limits that matter. */
import type { Alarm, Limits, Point } from "../api/types";
import { get } from "../api/client";
import { useResource } from "../api/useResource";
import { useI18n } from "../i18n";
import { sparkValues } from "../trend/series";
import { SPANS, useTrend } from "../trend/useTrend";
import { Sparkline, type SparkLimit } from "../ui/Sparkline";
import { alarmTitle } from "./alarm";

export function sparkLimits(alarm: Alarm, limits: Limits | null): SparkLimit[] {
  const high = alarm.condition === "HH" || alarm.condition === "H";
  const low = alarm.condition === "LL" || alarm.condition === "L";
  if (!high && !low) return [];
  const [outer, inner] = high ? [limits?.hh, limits?.h] : [limits?.ll, limits?.l];
  const out: SparkLimit[] = [];
  if (outer) out.push({ value: outer.value, className: outer.value === alarm.limit ? `t${alarm.level}` : "m", dashed: false });
  if (inner) out.push({ value: inner.value, className: inner.value === alarm.limit ? `t${alarm.level}` : "m", dashed: true });
  if (out.length === 0 && alarm.limit !== null) out.push({ value: alarm.limit, className: `t${alarm.level}`, dashed: false });
  return out;
}

export function AlarmSpark({ alarm, width, height }: { alarm: Alarm; width?: number; height?: number }) {
  const { t, language } = useI18n();
  const trend = useTrend(alarm.point, { span: SPANS["1h"] }, 100);
  const point = useResource(alarm.point ? `point:${alarm.point}` : null, (signal) => get<Point>(`/points/${encodeURIComponent(alarm.point ?? "")}`, undefined, signal));
  return (
    <Sparkline values={sparkValues(trend.data?.buckets ?? [])} limits={sparkLimits(alarm, point.data?.limits ?? null)} label={`${t("alarms.trend")} ${alarmTitle(alarm, t, language)}`}
      dotClass={`al${alarm.level}`} {...(width ? { width } : {})} {...(height ? { height } : {})} />
  );
}
