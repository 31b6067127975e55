/**
 * One alarm in full: its three times in their order, the trend around the moment, where to go from it, what happened to it, and the answer
 * with a comment. One press acknowledges; the comment is there to be filled, not to be passed.
 */
import { lazy, Suspense, useMemo, useState } from "react";
import { Link } from "react-router";
import { get } from "../api/client";
import type { Alarm, AlarmLogEntry, Choice, Point } from "../api/types";
import { useResource } from "../api/useResource";
import { PointRow } from "../equipment/PointRows";
import { useSeed } from "../equipment/reading";
import { useI18n, type Language } from "../i18n";
import { localName } from "../i18n/name";
import { useSubscription } from "../live/hooks";
import { now } from "../ui/clock";
import { useNow } from "../ui/clock";
import { Loading } from "../ui/faces";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import { clockTime, duration, exactTime, listTime } from "../ui/time";
import { AckButton } from "./AckButton";
import { alarmBadge, alarmPlace, alarmTitle, alarmValue, endOf, waitsForAnswer } from "./alarm";
import { AlarmValueNow } from "./AlarmValue";
import { AnswerBar, useDispositions, type Answer } from "./answers";
import { mapLink } from "./AlarmsPage";
import { trendLink } from "./SideList";

const TrendChart = lazy(() => import("../trend/TrendChart").then((m) => ({ default: m.TrendChart })));
/** The trend around the moment: twenty minutes before, and as long after as there is by now, at most forty. */
const BEFORE = 20 * 60_000;
const AFTER = 40 * 60_000;

export type DetailProps = { alarm: Alarm; onAnswer: () => void; ask: (answer: Answer) => void; take: () => void; onClose: () => void };

export function AlarmDetail({ alarm, onAnswer, ask, take, onClose }: DetailProps) {
  const { t, language } = useI18n();
  const badge = alarmBadge(alarm);
  const clock = useNow(1000);
  const [comment, setComment] = useState("");
  const trend = trendLink(alarm);
  return (
    <>
      <header className="detail-head">
        <button type="button" className="btn icon detail-back" aria-label={t("equipment.back")} onClick={onClose}><Symbol name="ui-left" size={16} /></button>
        <LevelSymbol level={alarm.level} size={26} outline={badge.outline} />
        <div className="col grow">
          <h2>{alarmTitle(alarm, t, language)}</h2>
          <p className="m">{alarmPlace(alarm, language)}</p>
        </div>
        <div className="col right">
          <span className={`b ${alarm.cleared_at === null ? `t${alarm.level}` : "m"}`}>{duration(endOf(alarm, clock) - alarm.raised_at)}</span>
          <span className="f12">{t(badge.label)}</span>
        </div>
      </header>
      <dl className="three-times">
        <div><dt>{t("alarms.sourceTime")}</dt><dd>{exactTime(alarm.raised_at)}</dd></div>
        <div><dt>{t("alarms.receivedTime")}</dt><dd>{exactTime(alarm.received_at)}</dd></div>
        <div><dt>{t("alarms.decidedTime")}</dt><dd>{exactTime(alarm.decided_at)}</dd></div>
      </dl>
      <div className="detail-scroll">
        {alarm.point ? (
          <div className="detail-values">
            <span><span className="m">{t("alarms.value")}</span> <b>{alarmValue(alarm) || "—"}</b></span>
            <span className="row g6"><span className="m">{t("alarms.valueNow")}</span> <AlarmValueNow alarm={alarm} withAge /></span>
            {alarm.limit !== null ? <span><span className="m">{t("alarms.rule")}</span> {t("alarms.rule.limit", { code: alarm.condition, value: alarmValue(alarm, alarm.limit), unit: "" })}{alarm.limits_version ? <span className="m"> {t("alarms.limitVersion", { n: alarm.limits_version })}</span> : null}</span> : null}
          </div>
        ) : null}
        <AroundTheMoment alarm={alarm} />
        <nav className="row g8 detail-links" aria-label={t("alarms.detail")}>
          <Link className="btn" to={mapLink(alarm)}><Symbol name="ac-locate" size={16} />{t("alarms.map")} <kbd className="kbd" aria-hidden="true">M</kbd></Link>
          {trend ? <Link className="btn" to={trend}><Symbol name="ac-trend" size={16} />{t("alarms.trend")} <kbd className="kbd" aria-hidden="true">T</kbd></Link> : null}
          {alarm.equipment ? <Link className="btn" to={`/equipment/${encodeURIComponent(alarm.equipment)}`}><Symbol name="eq-tank" size={16} />{t("alarms.equipment")}</Link> : null}
          {!alarm.equipment && alarm.enterprise ? <Link className="btn" to={`/enterprises/${encodeURIComponent(alarm.enterprise)}`}><Symbol name="eq-enterprise" size={16} />{localName(alarm.enterprise_name, language)}</Link> : null}
        </nav>
        <AnswerBar alarm={alarm} ask={ask} take={take} />
        <Answered alarm={alarm} />
        {alarm.equipment ? <Neighbours alarm={alarm} equipment={alarm.equipment} /> : null}
        <History alarm={alarm} />
      </div>
      <footer className="detail-answer">
        {waitsForAnswer(alarm) ? (
          <>
            <input aria-label={t("alarms.comment")} placeholder={t("alarms.commentHint")} value={comment} maxLength={500} onChange={(e) => setComment(e.target.value)} />
            <AckButton alarm={alarm} comment={comment} className="answer" onPress={onAnswer} />
          </>
        ) : alarm.acknowledged ? (
          <p className="s row g6"><Symbol name="st-ack" size={16} />{t("alarms.ackBy", { who: alarm.acknowledged.name || alarm.acknowledged.by, time: clockTime(alarm.acknowledged.at) })}{alarm.acknowledged.comment ? ` · ${alarm.acknowledged.comment}` : ""}</p>
        ) : <p className="m">{t(badge.label)}</p>}
      </footer>
    </>
  );
}

/** Who has it, and what came of it. */
function Answered({ alarm }: { alarm: Alarm }) {
  const { t, language } = useI18n();
  const lists = useDispositions();
  const { owner, disposition } = alarm;
  if (!owner && !disposition) return null;
  return (
    <div className="detail-answered s">
      {owner ? <p className="row g6"><Symbol name="ac-handover" size={15} />{t("alarms.owner", { who: owner.name, time: listTime(owner.at) })}</p> : null}
      {disposition ? <p className="row g6"><Symbol name="ac-return" size={15} />{t("alarms.disposed", { cause: choiceName(lists?.causes, disposition.cause, language), measure: choiceName(lists?.measures, disposition.measure, language) })}{disposition.comment ? ` · ${disposition.comment}` : ""}</p> : null}
    </div>
  );
}

const choiceName = (list: readonly Choice[] | undefined, code: string, language: Language): string => {
  const choice = list?.find((c) => c.code === code);
  return choice ? localName(choice.name, language) : code;
};

function AroundTheMoment({ alarm }: { alarm: Alarm }) {
  const point = useResource(alarm.point ? `point:${alarm.point}` : null, (signal) => get<Point>(`/points/${encodeURIComponent(alarm.point ?? "")}`, undefined, signal));
  // While the moment is near, the picture moves with the clock; once the alarm is old, it stands around the moment.
  const [opened] = useState(() => now());
  const old = opened - alarm.raised_at > AFTER;
  const span = useMemo(
    () => (old ? { from: alarm.raised_at - BEFORE, to: Math.min(opened, alarm.raised_at + AFTER) } : { span: Math.max(BEFORE * 1.5, opened - alarm.raised_at + BEFORE) }),
    [old, opened, alarm.raised_at],
  );
  if (!alarm.point) return null;
  if (!point.data) return <div style={{ height: 220 }}><Loading rows={4} /></div>;
  return (
    <div className="detail-trend">
      <Suspense fallback={<Loading rows={4} />}><TrendChart points={[point.data]} window={span} height={230} /></Suspense>
    </div>
  );
}

function Neighbours({ alarm, equipment }: { alarm: Alarm; equipment: string }) {
  const { t } = useI18n();
  const read = useResource(`neighbours:${equipment}`, (signal) => get<{ points?: Point[] }>(`/equipment/${encodeURIComponent(equipment)}`, undefined, signal));
  useSubscription("detail", { equipment: [equipment] });
  useSeed(read.data?.points ?? null);
  const others = (read.data?.points ?? []).filter((p) => p.id !== alarm.point).slice(0, 6);
  if (others.length === 0) return null;
  return (
    <section aria-label={t("alarms.neighbours")}>
      <h3 className="detail-title">{t("alarms.neighbours")}</h3>
      <ul>{others.map((p) => <PointRow key={p.id} point={p} alarms={[]} />)}</ul>
    </section>
  );
}

function History({ alarm }: { alarm: Alarm }) {
  const { t } = useI18n();
  const full = useResource(`log:${alarm.id}:${alarm.cursor}`, (signal) => get<Alarm>(`/alarms/${encodeURIComponent(alarm.id)}`, undefined, signal));
  const log = full.data?.log ?? [];
  if (log.length === 0) return null;
  return (
    <section aria-label={t("alarms.history")}>
      <h3 className="detail-title">{t("alarms.history")}</h3>
      <ol className="history">
        {log.map((entry, i) => (
          <li key={i}><time className="m">{clockTime(entry.at)}</time><HistoryWords entry={entry} alarm={alarm} /></li>
        ))}
      </ol>
      <p className="m f12 alarm-number">{t("alarms.id")} {alarm.id}</p>
    </section>
  );
}

function HistoryWords({ entry, alarm }: { entry: AlarmLogEntry; alarm: Alarm }) {
  const { t, language } = useI18n();
  const lists = useDispositions();
  const who = entry.by_name ?? entry.by ?? "";
  const said = entry.comment ? ` · ${entry.comment}` : "";
  const quiet = entry.quiet ? t(`alarms.state.${entry.quiet}`) : "";
  switch (entry.kind) {
    case "raised":
      return <span>{t("alarms.raised")} {alarmValue(alarm, entry.value ?? null)}{quiet ? ` · ${quiet}` : ""}</span>;
    case "cleared":
      return <span>{t("alarms.cleared")}{entry.reason ? ` · ${t(`alarms.clearReason.${entry.reason}`)}` : ""} {alarmValue(alarm, entry.value ?? null)}</span>;
    case "acknowledged":
      return <span>{t("alarms.ackBy", { who, time: listTime(entry.at) })}{said}</span>;
    case "chattering":
      return <span>{t("alarms.log.chattering", { n: entry.crossings ?? 0 })}</span>;
    case "calm":
      return <span>{t("alarms.log.calm", { n: entry.crossings ?? 0 })}</span>;
    case "repeated":
      return <span>{t("alarms.log.repeated")}</span>;
    case "reset":
      return <span>{who ? t("alarms.log.reset", { who }) : t("alarms.log.released")}{said}</span>;
    case "amended":
      return <span>{t("alarms.late")}</span>;
    case "quieted":
      return <span>{t("alarms.log.quieted", { quiet })}{entry.until ? ` ${t("alarms.quietUntil", { time: listTime(entry.until) })}` : ""}{who ? ` · ${t("alarms.log.said", { who, text: entry.comment ?? "" })}` : said}</span>;
    case "resumed":
      return <span>{t("alarms.log.resumed", { quiet })}{who ? ` · ${who}` : ""}</span>;
    case "commented":
      return <span>{t("alarms.log.said", { who, text: entry.comment ?? "" })}</span>;
    case "taken":
      return <span>{t("alarms.log.taken", { who })}{said}</span>;
    case "disposed":
      return <span>{t("alarms.log.disposed", { who, cause: choiceName(lists?.causes, entry.cause ?? "", language), measure: choiceName(lists?.measures, entry.measure ?? "", language) })}{said}</span>;
  }
}
