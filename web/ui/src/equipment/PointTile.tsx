/** One point large: value, unit, age, quality, where it lies on its range, its limits. A tile of a point in alarm has a coloured upper edge. */
import type { Alarm, LimitKey, Point } from "../api/types";
import { markOf, signalKey } from "../alarms/alarm";
import { QuietMark, useQuietOfPoint } from "../alarms/quiet";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { confirmedAt } from "../live/protocol";
import { LevelSymbol } from "../ui/LevelSymbol";
import { SPANS, useLiveTail, useTrend } from "../trend/useTrend";
import { formatNumber, formatSigned } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import { Age, Value } from "../ui/Value";
import { LIMIT_CODES, LIMIT_KEYS, marginOf, ratePerMinute, shareOfRange, stateOf } from "./points";
import { useReading } from "./reading";

const ICONS: Record<string, string> = { level: "pt-level", pressure: "pt-pressure", temperature: "pt-temp", flow: "pt-flow" };
export const pointIcon = (signal: string): string => ICONS[signal] ?? (signal.startsWith("gas_") || signal === "oxygen" ? "eq-gas" : "eq-valve");

/** The change is told over this time. */
const RATE_MS = 120_000;
const AT: Record<LimitKey, string> = { ll: "-85%", l: "-15%", h: "-85%", hh: "-15%" };

type Props = { point: Point; twin: Point | null; alarms: readonly Alarm[]; selected: boolean; onSelect: () => void };

export function PointTile({ point, twin, alarms, selected, onSelect }: Props) {
  const { t, language } = useI18n();
  const { live, face } = useReading(point);
  const mark = markOf(alarms.filter((a) => a.point === point.id));
  const quiet = useQuietOfPoint(point.id);
  const worst = mark && !mark.outline ? mark.alarm : null;
  const state = stateOf(point, live?.value ?? null);
  const value = live?.value != null && face !== "bad" ? live.value : null;
  const limits = LIMIT_KEYS.flatMap((k) => (point.limits?.[k] ? [{ key: k, code: LIMIT_CODES[k], share: shareOfRange(point, point.limits[k].value), value: point.limits[k].value }] : []));
  const name = signalKey(point.signal) === "signal.other" ? localName(point.name, language) : t(signalKey(point.signal));
  // Limits are written as finely as they are set, and no finer.
  const places = Math.max(Math.min(1, point.decimals), ...limits.slice(-2).map((l) => Math.min(point.decimals, (String(l.value).split(".")[1] ?? "").length)));
  return (
    <article className={`card tile ${worst ? `abnormal a${worst.level}` : ""} ${selected ? "chosen" : ""}`} aria-label={`${name} ${point.tag}`} data-point={point.id} data-face={face}>
      <button type="button" className="cover" onClick={onSelect} aria-pressed={selected} aria-label={`${t("equipment.trend")} ${point.tag}`} />
      <div className="row g6">
        <Symbol name={pointIcon(point.signal)} size={18} className="s" />
        <b className="nw">{name}</b><span className="m f12 ell">{point.tag}</span>
        <span className="grow" />
        {mark ? <LevelSymbol level={mark.alarm.level} size={15} outline={mark.outline} /> : null}
        <QuietMark alarms={quiet} />
        <Age at={live ? confirmedAt(live) : null} source={live?.sourceAt} />
      </div>
      <div className="row tile-value">
        <Value value={live?.value ?? null} unit={point.unit} decimals={point.decimals} face={face} late={live?.late ?? false} word={state ? localName(state.name, language) : null} className="big" />
        <span className="grow" />
        {worst ? <span className={`chip c${worst.level}`}>{t(`alarms.short.${worst.condition}`)}</span> : <span className={face === "bad" ? "chip cb" : "m f12"}>{t(`quality.${face}`)}</span>}
      </div>
      {point.kind === "analog" ? (
        <>
          <div className="range" aria-hidden="true">
            <svg className="range-bar" viewBox="0 0 200 20" preserveAspectRatio="none">
              <rect x="0" y="10" width="200" height="7" fill="var(--sunken)" />
              <NormalBand point={point} />
              {limits.map((l) => <path key={l.key} d={`M${l.share * 200} 9V18`} stroke="var(--ink3)" strokeWidth="1.2" vectorEffect="non-scaling-stroke" />)}
            </svg>
            {limits.map((l) => <span key={l.key} className="range-tick" style={{ left: `${l.share * 100}%`, transform: `translateX(${l.share > 0.94 ? "-100%" : l.share < 0.06 ? "0" : AT[l.key]})` }}>{l.code}</span>)}
            {value !== null ? <span className={`needle ${worst ? `al${worst.level}` : ""} ${face}`} style={{ left: `${(shareOfRange(point, value) * 100).toFixed(2)}%` }} /> : null}
          </div>
          <p className="row g12 f12 s limits-line">
            {limits.length === 0 ? <span className="m">{t("equipment.noLimits")}</span> : limits.slice(-2).map((l) => <span key={l.key} className="nw">{l.code} {formatNumber(l.value, places)}</span>)}
            <span className="grow" />
            {twin ? <Deviation point={point} twin={twin} /> : limits.length > 0 ? <MarginWords point={point} value={face === "stale" ? null : value} /> : <span className="nw m">{t("equipment.range", { low: formatNumber(point.range[0], 0), high: formatNumber(point.range[1], Number.isInteger(point.range[1]) ? 0 : 1) })}</span>}
          </p>
          <Rate point={point} usable={face === "good" || face === "uncertain"} />
        </>
      ) : null}
    </article>
  );
}

/** Change per minute over the last two minutes, from the history and what the stream has brought since. */
function Rate({ point, usable }: { point: Point; usable: boolean }) {
  const { t } = useI18n();
  const trend = useTrend(point.id, { span: SPANS["10m"] }, 120);
  const tail = useLiveTail(point.id, trend.data?.to ?? null);
  const past = (trend.data?.buckets ?? []).map((b) => ({ t: b.t, v: b.count > b.bad ? b.last : null }));
  const end = tail.at(-1)?.t ?? past.at(-1)?.t ?? 0;
  const rate = usable ? ratePerMinute([...past, ...tail].filter((s) => s.t > end - RATE_MS)) : null;
  return <p className="f12 m nw tile-rate">{rate === null ? "\u00a0" : t("equipment.rate", { rate: `${formatSigned(rate, point.decimals)} ${point.unit}/min` })}</p>;
}

/** How far the second instrument reads from this one; nothing while either cannot be believed. */
function Deviation({ point, twin }: { point: Point; twin: Point }) {
  const { t } = useI18n();
  const [a, b] = [useReading(point), useReading(twin)];
  if (a.face !== "good" || b.face !== "good" || a.live?.value == null || b.live?.value == null) return <span className="nw m">{t("equipment.noTwin", { tag: twin.tag })}</span>;
  return <span className="nw" title={twin.tag}>{t("equipment.deviation", { letter: twin.tag.slice(-1), by: `${formatNumber(Math.abs(a.live.value - b.live.value), point.decimals)} ${point.unit}` })}</span>;
}

function MarginWords({ point, value }: { point: Point; value: number | null }) {
  const { t } = useI18n();
  const margin = marginOf(point, value);
  if (!margin) return null;
  return <span className="nw">{t(margin.broken ? "equipment.beyond" : "equipment.toNext", { limit: LIMIT_CODES[margin.key], distance: `${formatNumber(margin.by, point.decimals)} ${point.unit}` })}</span>;
}

function NormalBand({ point }: { point: Point }) {
  const low = shareOfRange(point, point.limits?.l?.value ?? point.range[0]);
  const high = shareOfRange(point, point.limits?.h?.value ?? point.range[1]);
  return <rect x={low * 200} y="10" width={Math.max(0, (high - low) * 200)} height="7" fill="var(--soft)" />;
}
