/**
 * The standing alarms beside the map: the selected one as a card with its value, its hour and its answer, other unanswered grave ones as
 * small cards, the rest as rows. J and K walk, A answers, T and M lead on. While the list is used its rows hold still.
 */
import "./side-list.css";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import type { Alarm } from "../api/types";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useAlarmsKnown, useLive, useLiveValue, useRollup } from "../live/hooks";
import { confirmedAt } from "../live/protocol";
import { useNow } from "../ui/clock";
import { Empty, Loading } from "../ui/faces";
import { useKeys } from "../ui/keys";
import { LevelSymbol } from "../ui/LevelSymbol";
import { formatCount } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import { duration, listTime } from "../ui/time";
import { Age } from "../ui/Value";
import { AckButton } from "./AckButton";
import { useAcknowledge, useSettled } from "./acknowledge";
import { alarmBadge, alarmPlace, alarmTag, alarmTitle, alarmValue, waitsForAnswer } from "./alarm";
import { AlarmSpark } from "./AlarmSpark";
import { AlarmValueNow } from "./AlarmValue";
import { rowsOf } from "./rows";

export const trendLink = (alarm: Alarm): string | null =>
  alarm.equipment ? `/equipment/${encodeURIComponent(alarm.equipment)}?${new URLSearchParams({ ...(alarm.point ? { point: alarm.point } : {}), alarm: alarm.id }).toString()}` : null;

/** How many rows stand in the page at first: in a flood the rest waits below. */
const PAGE = 100;

type Props = { alarms: readonly Alarm[]; region: string | null; selected: string | null; onSelect: (alarm: Alarm) => void; onPlace: (alarm: Alarm) => void };

export function SideList({ alarms, region, selected, onSelect, onPlace }: Props) {
  const { t } = useI18n();
  const { store } = useLive();
  const known = useAlarmsKnown();
  const navigate = useNavigate();
  const { refusal, acknowledge } = useAcknowledge();
  const [unanswered, setUnanswered] = useState(false);
  const [limit, setLimit] = useState(PAGE);
  const [held, setHeld] = useState<readonly Alarm[] | null>(null);
  const current = useMemo(() => (unanswered ? alarms.filter(waitsForAnswer) : alarms), [alarms, unanswered]);
  const { shown, waiting } = rowsOf(current, held, (id) => store.openAlarms().get(id));
  const waitingForAnswer = alarms.filter(waitsForAnswer).length;
  // Whoever has chosen one keeps it: when it ends, the next does not slip under the answering finger.
  const chosen = selected === null ? shown[0] : shown.find((a) => a.id === selected);
  const settled = useSettled(chosen?.id ?? null);
  const list = useRef<HTMLDivElement>(null);

  const step = (by: 1 | -1): void => {
    const index = shown.findIndex((a) => a.id === chosen?.id);
    const next = shown[Math.min(shown.length - 1, Math.max(0, index + by))];
    if (next) onSelect(next);
  };
  useKeys({
    J: () => step(1),
    K: () => step(-1),
    A: () => {
      if (!chosen || refusal(chosen) !== null || (selected === null && !settled())) return;
      onSelect(chosen);
      void acknowledge(chosen);
    },
    M: () => chosen && onPlace(chosen),
    T: () => {
      const to = chosen ? trendLink(chosen) : null;
      if (to) void navigate(to);
    },
    N: () => {
      const oldest = alarms.filter(waitsForAnswer).sort((a, b) => a.raised_at - b.raised_at)[0];
      if (oldest) onSelect(oldest);
    },
  });
  useEffect(() => {
    if (selected) list.current?.querySelector(`[data-alarm="${CSS.escape(selected)}"]`)?.scrollIntoView({ block: "nearest" });
  }, [selected]);

  return (
    <aside className="side" aria-label={t("alarms.listTitle")}>
      <div className="side-head">
        <h2>{t("alarms.listTitle")} <span className="m">{alarms.length}</span></h2>
        <span className="grow" />
        <span className="m f12">{t("alarms.order")}</span>
      </div>
      <div className="side-tabs" role="group" aria-label={t("alarms.listTitle")}>
        <button type="button" aria-pressed={!unanswered} onClick={() => setUnanswered(false)}>{t("alarms.all")} {alarms.length}</button>
        <button type="button" aria-pressed={unanswered} onClick={() => setUnanswered(true)}>{t("alarms.unacknowledged")} {waitingForAnswer}</button>
      </div>
      {waiting > 0 ? (
        <button type="button" className="waiting" onClick={() => setHeld(null)}>{t("alarms.new", { n: waiting })} · {t("alarms.newShow")}</button>
      ) : null}
      <div className="side-list" ref={list} onPointerEnter={(e) => e.pointerType === "mouse" && setHeld(current)} onPointerLeave={() => setHeld(null)}>
        {!known ? <Loading rows={8} /> : shown.length === 0 ? <Empty>{t(alarms.length > 0 ? "alarms.noneFiltered" : "alarms.noneStanding")}</Empty> : (
          <ul>
            {shown.slice(0, limit).map((alarm) => (
              <li key={alarm.id} data-alarm={alarm.id}>
                {alarm.id === chosen?.id ? <BigCard alarm={alarm} onPlace={onPlace} onSelect={onSelect} /> : alarm.level <= 2 && alarm.state === "unacknowledged" && alarm.point ? <SmallCard alarm={alarm} onSelect={onSelect} /> : <Row alarm={alarm} onSelect={onSelect} />}
              </li>
            ))}
            {shown.length > limit ? <li><button type="button" className="btn txt" onClick={() => setLimit(limit + PAGE)}>{t("list.more", { n: Math.min(PAGE, shown.length - limit) })}</button></li> : null}
          </ul>
        )}
      </div>
      <footer className="side-foot m f12">
        <span className="kbd-hint"><kbd className="kbd">J</kbd> <kbd className="kbd">K</kbd> {t("alarms.key.move")}</span>
        <span className="kbd-hint"><kbd className="kbd">M</kbd> {t("alarms.map")}</span>
        <span className="grow" />
        <GoodPoints region={region} />
      </footer>
    </aside>
  );
}

function GoodPoints({ region }: { region: string | null }) {
  const { t } = useI18n();
  const state = useRollup(`region:${region ?? ""}`);
  if (!state) return null;
  return <span className="nw">{t("alarms.goodPoints", { good: formatCount(state.points - state.bad - state.uncertain), all: formatCount(state.points) })}</span>;
}

function Since({ alarm, className = "" }: { alarm: Alarm; className?: string }) {
  const now = useNow(1000);
  return <span className={`nw ${className}`}>{duration((alarm.cleared_at ?? now) - alarm.raised_at)}</span>;
}

function BigCard({ alarm, onPlace, onSelect }: { alarm: Alarm; onPlace: (alarm: Alarm) => void; onSelect: (alarm: Alarm) => void }) {
  const { t, language } = useI18n();
  const badge = alarmBadge(alarm);
  const trend = trendLink(alarm);
  return (
    <article className={`big-card l${alarm.level}`} role={alarm.level === 1 && alarm.state === "unacknowledged" ? "alert" : "status"} aria-live="off">
      <div className="row g8">
        <LevelSymbol level={alarm.level} size={22} outline={badge.outline} />
        <h3 className="grow">{alarmTitle(alarm, t, language)}</h3>
        <Since alarm={alarm} className={`b ${badge.tone === "loud" ? `t${alarm.level}` : "m"}`} />
      </div>
      <p className="m place">{alarmPlace(alarm, language)}{alarm.late ? <span className="chip">{t("alarms.late")}</span> : null}{alarm.durable === false ? <span className="chip">{t("alarms.notDurable")}</span> : null}</p>
      {alarm.point ? (
        <div className="card-value">
          <div>
            <AlarmValueNow alarm={alarm} className="big" />
            <p className="m f12 nw">{alarm.limit !== null ? `${t(`alarms.short.${alarm.condition}`)} ${alarmValue(alarm, alarm.limit).replace(` ${alarm.unit ?? ""}`, "")} · ` : ""}<AgeOf alarm={alarm} /></p>
          </div>
          <AlarmSpark alarm={alarm} width={190} height={54} />
        </div>
      ) : null}
      {badge.tone === "quiet" ? (
        <p className="s f12 acked"><Symbol name="st-ack" size={14} />{alarm.acknowledged ? t("alarms.ackBy", { who: alarm.acknowledged.name || alarm.acknowledged.by, time: listTime(alarm.acknowledged.at) }) : t(badge.label)}{alarm.acknowledged?.comment ? ` · ${alarm.acknowledged.comment}` : ""}</p>
      ) : null}
      <div className="row g8 card-actions">
        {waitsForAnswer(alarm) ? <AckButton alarm={alarm} className="grow" onPress={() => onSelect(alarm)} /> : <Link className="btn grow" to={`/alarms?alarm=${encodeURIComponent(alarm.id)}`}>{t("alarms.detail")}</Link>}
        {trend ? <Link className="btn" to={trend}>{t("alarms.trend")} <kbd className="kbd" aria-hidden="true">T</kbd></Link> : null}
        <button type="button" className="btn icon" aria-label={t("alarms.key.map")} title={t("alarms.key.map")} onClick={() => onPlace(alarm)}><Symbol name="ac-locate" size={16} /></button>
        {waitsForAnswer(alarm) ? <Link className="btn icon" aria-label={t("alarms.detail")} title={t("alarms.detail")} to={`/alarms?alarm=${encodeURIComponent(alarm.id)}`}><Symbol name="ui-more" size={16} /></Link> : null}
      </div>
    </article>
  );
}

/** How old the shown value is. */
function AgeOf({ alarm }: { alarm: Alarm }) {
  const live = useLiveValue(alarm.point ?? "");
  return <Age at={live ? confirmedAt(live) : alarm.raised_at} source={live?.sourceAt} />;
}

function SmallCard({ alarm, onSelect }: { alarm: Alarm; onSelect: (alarm: Alarm) => void }) {
  const { t, language } = useI18n();
  const title = alarmTitle(alarm, t, language);
  return (
    <div className={`small-card l${alarm.level}`}>
      <button type="button" className="cover" onClick={() => onSelect(alarm)} aria-label={`${title} ${alarmTag(alarm, title)}`.trim()} />
      <div className="row g8"><LevelSymbol level={alarm.level} size={20} /><b className="ell">{title}</b><span className="s nw grow">{alarmTag(alarm, title)}</span>{alarm.durable === false ? <span className="chip">{t("alarms.notDurable")}</span> : null}<Since alarm={alarm} className={`b t${alarm.level}`} /></div>
      <div className="row g6 second"><AlarmValueNow alarm={alarm} className="mid" /><span className="m f12 ell">{alarm.limit !== null ? `${t(`alarms.short.${alarm.condition}`)} ${alarmValue(alarm, alarm.limit)}` : ""}</span></div>
      <div className="row g6 second m f12"><span className="grow ell">{alarmPlace(alarm, language)}</span><SmallAck alarm={alarm} /></div>
    </div>
  );
}

function SmallAck({ alarm }: { alarm: Alarm }) {
  const { t } = useI18n();
  const { refusal, acknowledge, busy } = useAcknowledge();
  const why = refusal(alarm);
  if (why) return <span title={t(why)}>{t(why)}</span>;
  return <button type="button" className="link" disabled={busy === alarm.id} onClick={() => void acknowledge(alarm)}>{t("alarms.acknowledge")}</button>;
}

function Row({ alarm, onSelect }: { alarm: Alarm; onSelect: (alarm: Alarm) => void }) {
  const { t, language } = useI18n();
  const title = alarmTitle(alarm, t, language);
  const badge = alarmBadge(alarm);
  return (
    <button type="button" className={`alarm-row ${alarm.state === "closed" ? "over" : ""}`} onClick={() => onSelect(alarm)}>
      <LevelSymbol level={alarm.level} size={16} outline={badge.outline} />
      <span className="col grow">
        <span className="row g6"><span className={`ell ${badge.tone === "loud" ? "b" : ""}`}>{title}</span><span className="s nw">{alarmTag(alarm, title)}</span><span className="chip low">{t(`alarms.short.${alarm.condition}`)}</span>{alarm.durable === false ? <span className="chip low">{t("alarms.notDurable")}</span> : null}</span>
        <span className="m f12 ell left">{[localName(alarm.enterprise_name, language), alarmValue(alarm)].filter(Boolean).join(" · ")}</span>
      </span>
      <span className="col f12 right"><Since alarm={alarm} className="s" /><span className="m">{listTime(alarm.raised_at)}</span></span>
      <span className="tick">{alarm.acknowledged ? <Symbol name="st-ack" size={14} label={t("alarms.state.acknowledged")} /> : null}</span>
    </button>
  );
}
