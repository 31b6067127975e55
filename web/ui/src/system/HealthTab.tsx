/**
 * How well the alarms treat the people who watch them (EEMUA 191, IEC 62682): each figure beside its target, the alarms that come too often,
 * and how fast alarms are answered. A figure beyond its target is marked with a word, not by colour alone.
 */
import { useState } from "react";
import { Link } from "react-router";
import { get } from "../api/client";
import type { components } from "../api/generated";
import type { Condition, Name } from "../api/types";
import { useResource } from "../api/useResource";
import { download } from "../alarms/ExportButton";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { now } from "../ui/clock";
import { Empty, Faces } from "../ui/faces";
import { LevelSymbol } from "../ui/LevelSymbol";
import { formatCount, formatNumber, formatPercent } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import { duration, listTime } from "../ui/time";

type Generated = components["schemas"];
type BadActor = Omit<Generated["BadActor"], "name" | "enterprise_name"> & { name: Name; enterprise_name: Name | null };
type Health = Omit<Generated["HealthBody"], "top" | "chattering"> & { top: readonly BadActor[]; chattering: readonly BadActor[] };
const DAY = 86_400_000;
const PERIODS = [["health.day", 1], ["health.week", 7], ["health.month", 30]] as const;

export function HealthTab() {
  const { t, language } = useI18n();
  const [days, setDays] = useState(1);
  const read = useResource(`alarm-health/${days}`, (signal) => {
    const to = now();
    return get<Health>("/alarm-health", { from: to - days * DAY, to }, signal);
  }, 60_000);
  return (
    <section className="card health" aria-label={t("system.tab.health")}>
      <div className="toolbar">
        <span className="seg" role="group" aria-label={t("quality.period")}>
          {PERIODS.map(([label, d]) => <button key={d} type="button" aria-pressed={days === d} onClick={() => setDays(d)}>{t(label)}</button>)}
        </span>
        <span className="m">{t("health.source")}</span>
        <span className="grow" />
        {(["csv", "xlsx"] as const).map((format) => <button key={format} type="button" className="btn sm" onClick={() => download("/alarm-health/export", { from: now() - days * DAY, to: now(), format, language })}>{t("export.figures", { name: format === "csv" ? "CSV" : "Excel" })}</button>)}
      </div>
      <Faces of={read} what={t("health.what")}>{(health) => <Figures health={health} days={days} />}</Faces>
    </section>
  );
}

function Figures({ health, days }: { health: Health; days: number }) {
  const { t } = useI18n();
  const took = (of: Health["to_acknowledge"]): string => (of ? t("health.median", { median: duration(of.median_ms), p95: duration(of.p95_ms) }) : "—");
  return (
    <>
      <dl className="health-figures">
        <Figure label={t("health.alarms")} value={formatCount(health.alarms)} />
        <Figure label={t("health.rate")} value={formatNumber(health.per_ten_minutes, 2)} target={t("health.target", { target: "1" })} beyond={health.per_ten_minutes > 1} />
        {days > 1 ? <Figure label={t("health.perDay")} value={formatNumber(health.per_day, 1)} target={t("health.target", { target: "144" })} beyond={health.per_day > 144} /> : null}
        <Figure label={t("health.peak")} value={formatCount(health.peak)} target={health.peak_at ? t("health.at", { time: listTime(health.peak_at) }) : t("health.target", { target: "10" })} beyond={health.peak > 10} />
        <Figure label={t("health.floods")} value={formatCount(health.floods.length)} target={health.floods.length ? flooded(health, t) : t("health.target", { target: "0" })} beyond={health.floods.length > 0} />
        <Figure label={t("health.floodShare")} value={formatPercent(health.flood_share)} target={t("health.targetRecalled", { target: "< 1 %" })} beyond={health.flood_share > 0.01} />
        <Figure label={t("health.chattering")} value={formatCount(health.chattering.length)} target={t("health.targetRecalled", { target: "0" })} beyond={health.chattering.length > 0} />
        <Figure label={t("health.stale")} value={formatCount(health.stale)} target={t("health.targetRecalled", { target: "< 5" })} beyond={health.stale >= 5} />
        <Figure label={t("health.standing")} value={formatCount(health.standing)} />
        <Figure label={t("health.quiet")} value={formatCount(health.quiet)} />
        <Figure label={t("health.unanswered")} value={formatCount(health.unanswered)} />
        <Figure wide label={t("health.toAck")} value={took(health.to_acknowledge)} />
        <Figure wide label={t("health.toClear")} value={took(health.to_clear)} />
      </dl>
      {health.alarms === 0 ? <Empty>{t("health.none")}</Empty> : <Mix health={health} />}
      {health.top.length > 0 ? <Actors title={`${t("health.top")} · ${t("health.topShare", { share: formatPercent(health.top_share) })}`} actors={health.top} all={health.alarms} count={(n) => t("health.times", { n })} /> : null}
      {health.chattering.length > 0 ? <Actors title={t("health.chattering")} actors={health.chattering} count={(n) => t("health.inMinute", { n })} /> : null}
    </>
  );
}

function flooded(health: Health, t: ReturnType<typeof useI18n>["t"]): string {
  const last = health.floods.at(-1);
  return last ? t("health.floodList", { from: listTime(last.from), to: listTime(last.to), n: last.alarms }) : "";
}

function Figure({ label, value, target, beyond = false, wide = false }: { label: string; value: string; target?: string; beyond?: boolean; wide?: boolean }) {
  return (
    <div className={beyond ? "beyond" : wide ? "wide" : ""}>
      <dt>{label}</dt>
      <dd>{value}{beyond ? <Symbol name="ui-info" size={15} /> : null}</dd>
      {target ? <dd className="m f12">{target}</dd> : null}
    </div>
  );
}

/** EEMUA 191: about 80 % low, 15 % medium, 5 % high. */
function Mix({ health }: { health: Health }) {
  const { t } = useI18n();
  return (
    <section className="health-part" aria-label={t("health.mix")}>
      <h3>{t("health.mix")}</h3>
      <ul className="mix">
        {([1, 2, 3, 4] as const).map((level) => {
          const count = health.by_level[level - 1] ?? 0;
          const share = health.alarms === 0 ? 0 : count / health.alarms;
          return (
            <li key={level}>
              <LevelSymbol level={level} size={16} quiet />
              <span className="bar-cell"><i aria-hidden="true"><b style={{ width: `${share * 100}%` }} /></i></span>
              <span className="num">{formatPercent(share)}</span><span className="m num">{formatCount(count)}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Actors({ title, actors, all, count }: { title: string; actors: readonly BadActor[]; all?: number; count: (n: string) => string }) {
  const { t, language } = useI18n();
  return (
    <section className="health-part" aria-label={title}>
      <h3>{title}</h3>
      <ol className="actors">
        {actors.map((a) => (
          <li key={a.alarm}>
            <span className="col">
              <span className="row g6"><b>{a.tag}</b><span className="ell">{localName(a.name, language)} {t(`alarms.condition.${a.condition as Condition}`)}</span></span>
              <span className="m f12 ell">{localName(a.enterprise_name, language)}</span>
            </span>
            <span className="num">{count(formatCount(a.count))}{all ? <span className="m"> {formatPercent(a.count / all)}</span> : null}</span>
            {a.equipment ? <Link className="btn sm" to={`/equipment/${encodeURIComponent(a.equipment)}`}>{t("alarms.equipment")}</Link> : <span />}
          </li>
        ))}
      </ol>
    </section>
  );
}
