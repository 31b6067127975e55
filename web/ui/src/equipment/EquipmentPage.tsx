/**
 * One piece of equipment (mock-up b): what is wrong with it on top, the drawing, its main quantities, the trend that keeps moving with limits
 * and alarm moments, the other points, and the records of the day. The chosen point and span are in the address.
 */
import "./equipment.css";
import { useEffect, useMemo, useState, lazy, Suspense } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { get, getAll } from "../api/client";
import type { Alarm, Equipment, HazardSource, Level, LimitKey } from "../api/types";
import { useResource } from "../api/useResource";
import { AckButton } from "../alarms/AckButton";
import { useAcknowledge } from "../alarms/acknowledge";
import { alarmTitle, alarmValue, byPriority, signalKey, waitsForAnswer } from "../alarms/alarm";
import { shortNames, useTrail } from "../app/crumbs";
import { regionPath, useDirectory } from "../enterprise/directory";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { useOpenAlarms, useQuietVersion, useSubscription } from "../live/hooks";
import { SPANS, type Span } from "../trend/useTrend";
import { useNow } from "../ui/clock";
import { Empty, Faces, Loading } from "../ui/faces";
import { useKeys } from "../ui/keys";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import { clockTime, duration, durationWords, exactTime, hourMinute } from "../ui/time";
import { Drawing } from "./Drawing";
import { OperationBanner, OperationControl } from "./OperationControl";
import { PointRow } from "./PointRows";
import { PointTile } from "./PointTile";
import { levelPoint, mainPoints, twinOf, valvesOf } from "./points";
import { answersOf, episodesOf, startOfDay, type Episode } from "./records";
import { useSeed } from "./reading";

const TrendChart = lazy(() => import("../trend/TrendChart").then((m) => ({ default: m.TrendChart })));
const SPAN_KEYS: readonly Span[] = ["10m", "1h", "8h", "7d"];
const KIND_KEYS = new Set<string>(["tank", "sphere", "htank", "unit", "warehouse", "area"]);
export const kindKey = (kind: string): MessageKey => (KIND_KEYS.has(kind) ? `equipment.kind.${kind}` as MessageKey : "equipment.kind.other");

export function EquipmentPage() {
  const { id = "" } = useParams();
  const { t } = useI18n();
  const equipment = useResource(`equipment:${id}`, (signal) => get<Equipment>(`/equipment/${encodeURIComponent(id)}`, undefined, signal), 120_000);
  const { reload } = equipment;
  // A state that somebody else declares, or that ends by itself, comes by the stream.
  const quiet = useQuietVersion();
  useEffect(() => {
    if (quiet > 0) reload();
  }, [quiet, reload]);
  return <Faces of={equipment} what={t("equipment.what")} rows={10}>{(data) => <Page key={data.id} equipment={data} changed={reload} />}</Faces>;
}

function useAlarmsOfEquipment(id: string): { open: Alarm[]; today: Alarm[] } {
  const live = useOpenAlarms();
  const since = startOfDay(useNow(10_000));
  const past = useResource(`alarms-of:${id}:${since}`, (signal) => getAll<Alarm>("/alarms", { equipment: id, open: false, from: since }, 500, signal), 60_000);
  return useMemo(() => {
    const open = [...live.values()].filter((a) => a.equipment === id).sort(byPriority);
    const all = new Map((past.data ?? []).map((a) => [a.id, a]));
    for (const a of open) all.set(a.id, a);
    return { open, today: [...all.values()] };
  }, [live, past.data, id]);
}

function Page({ equipment, changed }: { equipment: Equipment; changed: () => void }) {
  const { t, language } = useI18n();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const { enterprises, regions } = useDirectory();
  const points = useMemo(() => equipment.points ?? [], [equipment.points]);
  useSubscription("equipment", { equipment: [equipment.id] });
  useSeed(points);
  const { open, today } = useAlarmsOfEquipment(equipment.id);
  const hazards = useResource(`hazards:${equipment.enterprise}`, (signal) => getAll<HazardSource>("/hazard-sources", { enterprise: equipment.enterprise }, 500, signal));
  const siblings = useResource(`siblings:${equipment.enterprise}:${equipment.hazard ?? ""}`, (signal) => getAll<Equipment>("/equipment", { enterprise: equipment.enterprise, hazard: equipment.hazard }, 500, signal));

  const enterprise = enterprises.get(equipment.enterprise);
  const hazard = hazards.data?.find((h) => h.code === equipment.hazard);
  const name = localName(equipment.name, language);
  const park = enterprise ? regions.get(enterprise.region) : undefined;
  useTrail([
    ...(park ? [{ label: shortNames(regionPath(regions, park.code).map((r) => localName(r.name, language))).at(-1) ?? "", full: localName(park.name, language), to: `/map?region=${encodeURIComponent(park.code)}` }] : []),
    ...(enterprise ? [{ label: localName(enterprise.name, language), to: `/enterprises/${encodeURIComponent(enterprise.code)}` }] : []),
    ...(hazard ? [{ label: localName(hazard.name, language), to: `/enterprises/${encodeURIComponent(equipment.enterprise)}?hazard=${encodeURIComponent(hazard.code)}` }] : []),
    { label: equipment.tag, to: null },
  ]);

  const wanted = params.get("point");
  const main = useMemo(() => mainPoints(points, open, wanted), [points, open, wanted]);
  const first = main.find((p) => p.id === wanted) ?? main.find((p) => open.some((a) => a.point === p.id)) ?? main[0];
  const ordered = first ? [first, ...main.filter((p) => p !== first)] : [];
  const rest = points.filter((p) => !main.includes(p));
  const level = levelPoint(points);
  const levels = useMemo(() => {
    const out: Partial<Record<LimitKey, Level>> = {};
    for (const a of open) if (a.point === level?.id && a.cleared_at === null && ["HH", "H", "L", "LL"].includes(a.condition)) out[a.condition.toLowerCase() as LimitKey] = a.level;
    return out;
  }, [open, level]);
  const span = (SPAN_KEYS as readonly string[]).includes(params.get("span") ?? "") ? (params.get("span") as Span) : "1h";
  const [asTable, setAsTable] = useState(false);
  const set = (key: string, value: string): void => setParams((old) => { const next = new URLSearchParams(old); next.set(key, value); return next; }, { replace: true });

  const mapLink = equipment.longitude !== null && equipment.latitude !== null ? `/map?focus=${equipment.longitude},${equipment.latitude}` : "/map";
  const { refusal, acknowledge } = useAcknowledge();
  const worst = open[0];
  useKeys({
    M: () => void navigate(mapLink),
    A: () => worst && refusal(worst) === null && void acknowledge(worst),
    Escape: () => void navigate(-1),
  });

  return (
    <div className="page equipment-page">
      <header className="equipment-title">
        <button type="button" className="btn icon" aria-label={t("equipment.back")} onClick={() => void navigate(-1)}><Symbol name="ui-left" size={16} /></button>
        <h1 className="page-title">{equipment.tag} {name}</h1>
        {equipment.volume_m3 !== null ? <span className="chip">{t("equipment.capacity", { n: equipment.volume_m3 })}</span> : null}
        {equipment.medium ? <span className="chip">{[equipment.medium, equipment.cas].filter(Boolean).join(" ")}</span> : null}
        {hazard ? <span className="chip ol"><Symbol name="eq-hazard" size={14} />{hazard.level && hazard.level <= 4 ? t("enterprise.hazard", { grade: t(`enterprise.grade.${hazard.level as Level}`) }) : t("enterprise.hazardPlain")}</span> : null}
        {equipment.rollup?.faulty ? <span className="chip cb">{t("equipment.faulty")}</span> : null}
        <span className="grow" />
        <OperationControl equipment={equipment} changed={changed} />
        <Siblings of={equipment} all={siblings.data ?? []} />
        <Link className="btn" to={mapLink}><Symbol name="ac-locate" size={16} />{t("equipment.onMap")} <kbd className="kbd" aria-hidden="true">M</kbd></Link>
      </header>
      <OperationBanner equipment={equipment} />
      {worst ? <Banner alarm={worst} more={open.length - 1} /> : null}
      {points.length === 0 ? <div className="card"><Empty>{t("equipment.noPoints")}</Empty></div> : (
        <div className="equipment-grid">
          <div className="col left-col">
            <section className="card drawing-card"><Drawing kind={equipment.kind} name={equipment.name} tag={equipment.tag} volume={equipment.volume_m3} level={level} levels={levels} {...valvesOf(points)} /></section>
            {rest.length > 0 ? (
              <section className="card rest" aria-label={t("equipment.points")}>
                <h2 className="hd">{t("equipment.points")}<span className="grow" /><span className="m f12">{t("equipment.valueAge")}</span></h2>
                <ul>{rest.map((p) => <PointRow key={p.id} point={p} alarms={open} {...(p.kind === "analog" ? { onSelect: () => set("point", p.id) } : {})} />)}</ul>
              </section>
            ) : null}
          </div>
          <div className="col mid-col">
            <div className="tiles">{main.map((p) => <PointTile key={p.id} point={p} twin={twinOf(p, points)} alarms={open} selected={p === first} onSelect={() => set("point", p.id)} />)}</div>
            <section className="card trend-card" aria-label={t("equipment.trend")}>
              <div className="hd wrap">
                <h2>{t("equipment.trend")}</h2>
                <div className="seg" role="group" aria-label={t("trend.span")}>
                  {SPAN_KEYS.map((s) => <button key={s} type="button" aria-pressed={span === s} onClick={() => set("span", s)}>{t(`trend.span.${s}`)}</button>)}
                </div>
                <span className="grow" />
                <span className="legend m f12"><i className="swatch normal" />{t("equipment.normalBand")}</span>
                <span className="legend m f12"><i className="swatch hatch" />{t("equipment.badGap")}</span>
                <button type="button" className="btn txt sm" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>{t(asTable ? "trend.chart" : "trend.table")}</button>
              </div>
              <Suspense fallback={<Loading />}>
                <TrendChart points={ordered} window={{ span: SPANS[span] }} height={ordered.length > 1 ? 452 : 360} asTable={asTable} />
              </Suspense>
            </section>
          </div>
          <section className="card records" aria-label={t("equipment.records")}>
            <h2 className="hd">{t("equipment.records")}</h2>
            <Records alarms={today} />
          </section>
        </div>
      )}
    </div>
  );
}

function Siblings({ of, all }: { of: Equipment; all: readonly Equipment[] }) {
  const { t } = useI18n();
  const same = all.filter((e) => e.kind === of.kind && e.hazard === of.hazard).sort((a, b) => (a.tag < b.tag ? -1 : 1));
  if (same.length < 2) return null;
  const at = same.findIndex((e) => e.id === of.id);
  const near = same.slice(Math.max(0, Math.min(at - 2, same.length - 5)), Math.max(5, at + 3));
  return (
    <nav className="seg siblings" aria-label={t("equipment.siblings")}>
      {near.map((e) => <Link key={e.id} to={`/equipment/${encodeURIComponent(e.id)}`} aria-current={e.id === of.id ? "page" : undefined}>{e.tag}</Link>)}
    </nav>
  );
}

function Banner({ alarm, more }: { alarm: Alarm; more: number }) {
  const { t, language } = useI18n();
  const now = useNow(1000);
  return (
    <div className={`card banner l${alarm.level}`} role={alarm.level === 1 ? "alert" : "status"}>
      <LevelSymbol level={alarm.level} size={20} outline={alarm.state === "returned_unacknowledged"} />
      <b className="banner-title">{alarmTitle(alarm, t, language)}</b>
      <span className="s">{alarmValue(alarm)}</span>
      {alarm.limit !== null ? <span className="s">{t("alarms.limit", { value: alarmValue(alarm, alarm.limit) })}{alarm.limits_version ? ` (${t("alarms.limitVersion", { n: alarm.limits_version })})` : ""}</span> : null}
      <span className="s nw">{t("alarms.since", { time: clockTime(alarm.raised_at) })}</span>
      <b className={alarm.cleared_at === null ? `t${alarm.level} nw` : "s nw"}>{alarm.cleared_at === null ? t("alarms.lastedFor", { duration: duration(now - alarm.raised_at) }) : t("alarms.state.returned_unacknowledged")}</b>
      <span className="grow" />
      {more > 0 ? <Link to={`/alarms?alarm=${encodeURIComponent(alarm.id)}`}>{t("alarms.group", { n: more })}</Link> : null}
      <Link className="btn" to={`/alarms?alarm=${encodeURIComponent(alarm.id)}`}>{t("alarms.detail")}</Link>
      {waitsForAnswer(alarm) ? <AckButton alarm={alarm} /> : <span className="s row g4"><Symbol name="st-ack" size={15} />{alarm.acknowledged?.name || alarm.acknowledged?.by}</span>}
    </div>
  );
}

const SHOWN = 8;

function Records({ alarms }: { alarms: readonly Alarm[] }) {
  const { t } = useI18n();
  const [all, setAll] = useState(false);
  const episodes = episodesOf(alarms, startOfDay(useNow(10_000)));
  if (episodes.length === 0) return <Empty>{t("equipment.noRecords")}</Empty>;
  return (
    <>
      <ol className="record-list">{episodes.slice(0, all ? 100 : SHOWN).map((e) => <RecordRow key={e.key} episode={e} />)}</ol>
      {episodes.length > SHOWN && !all ? <button type="button" className="btn txt sm records-more" onClick={() => setAll(true)}>{t("list.more", { n: Math.min(100, episodes.length) - SHOWN })}</button> : null}
    </>
  );
}

/** When, how grave, what and how far; below, in ink3, which instruments, how often, and how it ended. */
function RecordRow({ episode }: { episode: Episode }) {
  const { t, language } = useI18n();
  const alarm = episode.alarms[0];
  if (!alarm) return null;
  const numeric = ["HH", "H", "L", "LL", "ROC"].includes(alarm.condition);
  const quantity = alarm.signal && alarm.signal !== "state" && signalKey(alarm.signal) !== "signal.other" ? t(signalKey(alarm.signal)) : localName(alarm.name, language);
  const values = episode.alarms.flatMap((a) => (a.value === null ? [] : [a.value]));
  const peak = values.length === 0 ? null : alarm.condition === "L" || alarm.condition === "LL" ? Math.min(...values) : Math.max(...values);
  const ended = episode.cleared === null ? t("equipment.stillStands")
    : episode.times > 1 ? t("equipment.endedLast", { time: clockTime(episode.cleared) })
    : t("equipment.endedAfter", { duration: durationWords(Math.max(1000, episode.cleared - episode.first), language) });
  return (
    <li>
      <time className="m" title={exactTime(episode.last)}>{clockTime(episode.last)}</time>
      <LevelSymbol level={alarm.level} size={14} outline={episode.cleared !== null} />
      <div className="record-words">
        <Link to={`/alarms?alarm=${encodeURIComponent(alarm.id)}`}><b>{numeric ? t(`alarms.short.${alarm.condition}`) : t(`alarms.condition.${alarm.condition}`)}</b> {quantity}{numeric ? ` ${alarmValue(alarm, peak)}` : ""}</Link>
        <p className="m record-facts">{[episode.tags.join(language === "zh-CN" ? "、" : ", "), episode.times > 1 ? t("equipment.times", { n: episode.times, time: clockTime(episode.first) }) : "", ended].filter(Boolean).map((fact) => <span key={fact} className="nw">{fact}</span>)}</p>
        {answersOf(episode).map((a) => (
          <p key={`${a.by}${a.at}`} className="s row g4 record-answer"><Symbol name="st-ack" size={13} label={t("alarms.state.acknowledged")} /><span>{a.by} {hourMinute(a.at)}{a.comment ? ` “${a.comment}”` : ""}</span></p>
        ))}
      </div>
    </li>
  );
}
