/** One point large: value, unit, age, quality, where it lies on its range, its limits. A tile of a point in alarm has a coloured upper edge. */
import type { Alarm, Point } from "../api/types";
import { markOf, signalKey } from "../alarms/alarm";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { LevelSymbol } from "../ui/LevelSymbol";
import { formatNumber } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import { Age, Value } from "../ui/Value";
import { LIMIT_CODES, LIMIT_KEYS, shareOfRange, stateOf } from "./points";
import { useReading } from "./reading";

const ICONS: Record<string, string> = { level: "pt-level", pressure: "pt-pressure", temperature: "pt-temp", flow: "pt-flow" };
export const pointIcon = (signal: string): string => ICONS[signal] ?? (signal.startsWith("gas_") || signal === "oxygen" ? "eq-gas" : "eq-valve");

export function PointTile({ point, alarms, selected, onSelect }: { point: Point; alarms: readonly Alarm[]; selected: boolean; onSelect: () => void }) {
  const { t, language } = useI18n();
  const { live, face } = useReading(point);
  const mark = markOf(alarms.filter((a) => a.point === point.id));
  const worst = mark && !mark.outline ? mark.alarm : null;
  const state = stateOf(point, live?.value ?? null);
  const share = live?.value != null && face !== "bad" ? shareOfRange(point, live.value) : null;
  const limits = LIMIT_KEYS.flatMap((k) => (point.limits?.[k] ? [{ code: LIMIT_CODES[k], share: shareOfRange(point, point.limits[k].value), value: point.limits[k].value }] : []));
  const name = signalKey(point.signal) === "signal.other" ? localName(point.name, language) : t(signalKey(point.signal));
  return (
    <article className={`card tile ${worst ? `abnormal a${worst.level}` : ""} ${selected ? "chosen" : ""}`} aria-label={`${name} ${point.tag}`} data-point={point.id} data-face={face}>
      <button type="button" className="cover" onClick={onSelect} aria-pressed={selected} aria-label={`${t("equipment.trend")} ${point.tag}`} />
      <div className="row g6">
        <Symbol name={pointIcon(point.signal)} size={18} className="s" />
        <b>{name}</b><span className="m f12 ell">{point.tag}</span>
        <span className="grow" />
        {mark ? <LevelSymbol level={mark.alarm.level} size={15} outline={mark.outline} /> : null}
        <Age at={live?.sourceAt ?? null} />
      </div>
      <div className="row tile-value">
        <Value value={live?.value ?? null} unit={point.unit} decimals={point.decimals} face={face} late={live?.late ?? false} word={state ? localName(state.name, language) : null} className="big" />
        <span className="grow" />
        {worst ? <span className={`chip c${worst.level}`}>{t(`alarms.short.${worst.condition}`)}</span> : <span className={face === "bad" ? "chip cb" : "m f12"}>{t(`quality.${face}`)}</span>}
      </div>
      {point.kind === "analog" ? (
        <>
          <svg className="range-bar" viewBox="0 0 200 30" preserveAspectRatio="none" aria-hidden="true">
            <rect x="0" y="10" width="200" height="7" fill="var(--sunken)" />
            <NormalBand point={point} />
            {limits.map((l) => <path key={l.code} d={`M${l.share * 200} 8V19`} stroke="var(--ink3)" strokeWidth="1.2" vectorEffect="non-scaling-stroke" />)}
          </svg>
          {share !== null ? <span className={`needle ${worst ? `al${worst.level}` : ""} ${face}`} style={{ left: `calc(14px + (100% - 28px) * ${share.toFixed(4)})` }} aria-hidden="true" /> : null}
          <p className="row g12 f12 m limits-line">
            {limits.length === 0 ? <span>{t("equipment.noLimits")}</span> : limits.slice(-3).map((l) => <span key={l.code} className="nw">{l.code} {formatNumber(l.value, Number.isInteger(l.value) ? Math.min(1, point.decimals) : point.decimals)}</span>)}
            <span className="grow" />
            {limits.length > 2 ? null : <span className="nw">{t("equipment.range", { low: formatNumber(point.range[0], 0), high: formatNumber(point.range[1], Number.isInteger(point.range[1]) ? 0 : 1) })}</span>}
          </p>
        </>
      ) : null}
    </article>
  );
}

function NormalBand({ point }: { point: Point }) {
  const low = shareOfRange(point, point.limits?.l?.value ?? point.range[0]);
  const high = shareOfRange(point, point.limits?.h?.value ?? point.range[1]);
  return <rect x={low * 200} y="10" width={Math.max(0, (high - low) * 200)} height="7" fill="var(--soft)" />;
}
