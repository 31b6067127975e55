/**
 * The alarm desk (mock-up c): what stands and what was, one alarm in detail beside it. Everything by keyboard; the rows hold still while they
 * are used. The list's filter and the chosen alarm are in the address.
 */
import "./desk.css";
import { App } from "antd";
import { useEffect, useMemo, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { get, getAll } from "../api/client";
import type { Alarm, Level } from "../api/types";
import { useResource } from "../api/useResource";
import { useDirectory, within } from "../enterprise/directory";
import { HandOverLink } from "../handover/HandOverBar";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { useAlarmsKnown, useClosedAlarms, useLive } from "../live/hooks";
import { useNow } from "../ui/clock";
import { Empty, Failed, Loading } from "../ui/faces";
import { mayAcknowledge, useUser } from "../session/session";
import { useKeys } from "../ui/keys";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import { duration, listTime } from "../ui/time";
import { useAcknowledge, useSettled } from "./acknowledge";
import { alarmBadge, alarmTag, alarmTitle, alarmValue, byTime, countByLevel, endOf, matches, oldestUnanswered, type Filter } from "./alarm";
import { AlarmDetail } from "./AlarmDetail";
import { AnswerDialog, isLatched, useMayAnswer, useQuietRights, useReset, useTake, type Answer } from "./answers";
import { BatchBar, BatchDialog, useBatch, type BatchAnswer } from "./BatchBar";
import { ExportButton } from "./ExportButton";
import { QuietList, useQuietAlarms } from "./QuietList";
import { isQuiet } from "./state";
import { rowsOf } from "./rows";
import { stillThere, toggled, toggledAll } from "./selection";
import { trendLink } from "./SideList";
import { useAlarmsOf, useAlarmValues } from "./useAlarms";
import { useMine, useOverdueMs } from "./useViews";
import { byLateness, isMine, isNew, isOverdue, VIEWS, type View } from "./views";

const LABELS: Readonly<Record<View, MessageKey>> = { standing: "alarms.standing", new: "desk.new", mine: "desk.mine", overdue: "desk.overdue", recent: "alarms.recent", quiet: "alarms.quiet" };
const NOTHING: Readonly<Record<View, MessageKey>> = { standing: "alarms.noneStanding", new: "desk.noneNew", mine: "desk.noneMine", overdue: "desk.noneOverdue", recent: "alarms.noneRecent", quiet: "alarms.noneQuiet" };
const LEVELS: readonly Level[] = [1, 2, 3, 4];
const PAGE = 200;

export function AlarmsPage() {
  const { t, language } = useI18n();
  const { store } = useLive();
  const { home } = useDirectory();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const [params, setParams] = useSearchParams();
  const region = params.get("region") ?? home;
  const tab = (VIEWS as readonly string[]).includes(params.get("list") ?? "") ? (params.get("list") as View) : "standing";
  const level = LEVELS.find((l) => String(l) === params.get("level")) ?? null;
  const [text, setText] = useState("");
  const [limit, setLimit] = useState(PAGE);
  const [held, setHeld] = useState<readonly Alarm[] | null>(null);
  const chosenId = params.get("alarm");
  const list = useRef<HTMLDivElement>(null);

  const standing = useAlarmsOf(region);
  const recent = useRecent(tab === "recent", region);
  useAlarmValues("desk-alarms", standing);
  const known = useAlarmsKnown();
  const { refusal, acknowledge } = useAcknowledge();
  const quiet = useQuietAlarms(region);
  const mayAnswer = useMayAnswer();
  const take = useTake();
  const reset = useReset();
  const [asking, setAsking] = useState<Answer | null>(null);
  /** Alarms chosen to be answered together; `null` while nobody chooses. */
  const [picked, setPicked] = useState<ReadonlySet<string> | null>(null);
  const [askingAll, setAskingAll] = useState<"comment" | "dispose" | null>(null);
  const batch = useBatch();

  const set = (change: Record<string, string | null>): void =>
    setParams((old) => { const next = new URLSearchParams(old); for (const [k, v] of Object.entries(change)) if (v === null) next.delete(k); else next.set(k, v); return next; }, { replace: true });

  const user = useUser();
  const me = user.username;
  const overdueMs = useOverdueMs();
  // Whether something is overdue changes with the clock alone.
  const clock = useNow(10_000);
  const views = useMemo(() => {
    const late = standing.filter((a) => isOverdue(a, overdueMs, clock));
    return { new: standing.filter(isNew), overdue: overdueMs ? late.sort(byLateness(overdueMs)) : late, owned: standing.filter((a) => isMine(a, me)) };
  }, [standing, overdueMs, clock, me]);
  const mine = useMine(tab === "mine", views.owned);
  const base = tab === "recent" ? recent.alarms : tab === "new" ? views.new : tab === "overdue" ? views.overdue : tab === "mine" ? mine.alarms : standing;
  const current = useMemo(() => {
    const filter: Filter = { level, unacknowledged: false, text };
    return base.filter((a) => matches(a, filter, t, language));
  }, [base, level, text, t, language]);
  const { shown, waiting } = rowsOf(current, tab === "recent" ? null : held, (id) => store.openAlarms().get(id));

  // An alarm that the address names may be none of the list's: it is read by its identity.
  const named = useResource(chosenId && !shown.some((a) => a.id === chosenId) ? `alarm:${chosenId}` : null, (signal) => get<Alarm>(`/alarms/${encodeURIComponent(chosenId ?? "")}`, undefined, signal));
  const chosen = shown.find((a) => a.id === chosenId) ?? (chosenId ? (store.openAlarms().get(chosenId) ?? named.data) : null) ?? (chosenId ? null : (shown[0] ?? null));
  const settled = useSettled(chosen?.id ?? null);
  const rights = useQuietRights(mayAnswer && chosen && chosen.state !== "closed" ? chosen : null);
  const choose = (alarm: Alarm | null | undefined): void => {
    if (alarm) set({ alarm: alarm.id });
  };
  const many = stillThere(picked ?? new Set(), current);
  const actOnAll = (answer: BatchAnswer): void => {
    if (many.length === 0 || !mayAnswer) return;
    if (answer === "comment" || answer === "dispose") setAskingAll(answer);
    else void batch.send(many, answer).then((sent) => sent && setPicked(null));
  };
  const ask = (answer: Answer): void => {
    if (!chosen || !mayAnswer) return;
    // As with acknowledging: what is asked about must not slip away while somebody writes.
    choose(chosen);
    setAsking(answer);
  };
  const takeChosen = (): void => {
    if (!chosen || !mayAnswer) return;
    choose(chosen);
    void take(chosen);
  };
  const step = (by: 1 | -1): void => {
    const at = shown.findIndex((a) => a.id === chosen?.id);
    choose(shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by))]);
  };
  const filterLevel = (l: Level): void => set({ level: level === l ? null : String(l) });
  const show = (to: string | null): void => {
    if (to) void navigate(to);
  };
  useKeys({
    J: () => step(1), K: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1),
    A: () => {
      if (picked !== null) return actOnAll("acknowledge");
      if (!chosen || refusal(chosen) !== null || (chosenId === null && !settled())) return;
      // Held in the address first: when it ends, the next must not slip under the answering finger.
      choose(chosen);
      void acknowledge(chosen);
    },
    T: () => show(chosen ? trendLink(chosen) : null),
    M: () => show(chosen ? mapLink(chosen) : null),
    O: () => (picked === null ? takeChosen() : actOnAll("take")),
    R: () => chosen && isLatched(chosen) && void reset(chosen),
    C: () => (picked === null ? ask("comment") : actOnAll("comment")),
    D: () => (picked === null ? ask("dispose") : actOnAll("dispose")),
    X: (event) => {
      if (!mayAnswer || tab === "quiet") return;
      if (event.shiftKey) setPicked(toggledAll(picked ?? new Set(), current));
      else if (chosen) {
        // Held in the address, so that a newer alarm does not slip under the next press.
        choose(chosen);
        setPicked(toggled(picked ?? new Set(), chosen.id));
      } else setPicked(picked ?? new Set());
    },
    S: () => {
      if (picked !== null || !chosen || chosen.state === "closed" || isQuiet(chosen) || rights === null) return;
      if (rights.shelve_minutes > 0) ask("shelve");
      else if (mayAnswer) void message.info(t("quiet.notAllowed"));
    },
    N: () => choose(oldestUnanswered(standing)),
    1: () => filterLevel(1), 2: () => filterLevel(2), 3: () => filterLevel(3), 4: () => filterLevel(4),
    Escape: () => {
      if (picked !== null) setPicked(null);
      else if (text || level !== null) {
        setText("");
        set({ level: null });
      } else set({ alarm: null });
    },
  });
  useEffect(() => {
    if (chosenId) list.current?.querySelector(`[data-alarm="${CSS.escape(chosenId)}"]`)?.scrollIntoView({ block: "nearest" });
  }, [chosenId]);

  const counts = countByLevel(standing);
  const narrowed = level !== null || text !== "";
  return (
    <div className={`desk ${chosenId ? "has-choice" : ""}`}>
      <header className="desk-bar">
        <h1 className="page-title">{t("alarms.title")}</h1>
        <div className="desk-tabs" role="tablist" aria-label={t("alarms.title")}>
          {VIEWS.map((name) => (
            <button key={name} type="button" role="tab" aria-selected={tab === name} onClick={() => { setHeld(null); setPicked(null); set({ list: name === "standing" ? null : name, alarm: null }); }}>
              {t(LABELS[name])}
              {name === "recent" ? null : <em className={name === "overdue" && views.overdue.length > 0 ? "late" : ""}>{{ standing: standing.length, new: views.new.length, mine: views.owned.length, overdue: views.overdue.length, quiet: quiet.alarms.length }[name]}</em>}
            </button>
          ))}
        </div>
        <span className="grow" />
        <div className="seg level-filter" role="group" aria-label={t("alarms.filterLevel")}>
          {LEVELS.map((l) => (
            <button key={l} type="button" aria-pressed={level === l} aria-label={`${t("alarms.levelShown", { level: t(`level.${l}`) })} ${counts[l - 1] ?? 0}`} onClick={() => filterLevel(l)}>
              <LevelSymbol level={l} size={15} quiet /> {counts[l - 1] ?? 0}
            </button>
          ))}
        </div>
        <ExportButton view={tab} region={region} level={level} text={text} me={me} />
        {mayAcknowledge(user) ? <HandOverLink /> : null}
        {mayAnswer && tab !== "quiet" ? <button type="button" className="btn batch-begin" aria-pressed={picked !== null} onClick={() => setPicked(picked === null ? new Set() : null)}>{t("batch.begin")} <kbd className="kbd" aria-hidden="true">X</kbd></button> : null}
        <input type="search" className="desk-search" aria-label={t("alarms.search")} placeholder={t("alarms.search")} value={text} onChange={(e) => setText(e.target.value)} />
      </header>
      <section className="card desk-list" aria-label={t("alarms.title")} onPointerEnter={(e) => e.pointerType === "mouse" && setHeld(current)} onPointerLeave={() => setHeld(null)}>
        {picked !== null ? <BatchBar chosen={many} of={current.length} busy={batch.busy} allowed={mayAnswer} all={() => setPicked(toggledAll(picked, current))} act={actOnAll} end={() => setPicked(null)} /> : null}
        <div className="desk-head m f12" aria-hidden="true" hidden={tab === "quiet"}><span>{t("alarms.colLevel")}</span><span>{t("alarms.colWhat")}</span><span className="right">{t("alarms.colSince")}</span><span>{t("alarms.colState")}</span></div>
        {waiting > 0 ? <button type="button" className="waiting" onClick={() => setHeld(null)}>{t("alarms.new", { n: waiting })} · {t("alarms.newShow")}</button> : null}
        <div className="desk-rows" ref={list}>
          {tab === "quiet" ? <QuietList read={quiet} />
            : tab === "recent" && recent.error && shown.length === 0 ? <Failed what={t("alarms.recentWhat")} error={recent.error} retry={recent.reload} />
            : (tab === "recent" ? recent.loading && shown.length === 0 : !known) ? <Loading rows={10} />
            : shown.length === 0 ? (
              <Empty action={narrowed ? <button type="button" className="btn sm" onClick={() => { setText(""); set({ level: null }); }}>{t("alarms.clearFilter")}</button> : undefined}>
                {t(narrowed ? "alarms.noneFiltered" : NOTHING[tab])}
              </Empty>
            ) : (
              <ul>
                {shown.slice(0, limit).map((a) => <DeskRow key={a.id} alarm={a} selected={a.id === chosen?.id} onSelect={() => choose(a)} {...(picked === null ? {} : { picked: picked.has(a.id), onPick: () => setPicked(toggled(picked, a.id)) })} />)}
                {shown.length > limit ? <li><button type="button" className="btn txt" onClick={() => setLimit(limit + PAGE)}>{t("list.more", { n: Math.min(PAGE, shown.length - limit) })}</button></li> : null}
              </ul>
            )}
        </div>
        <footer className="desk-foot m f12 kbd-hint">
          <span><kbd className="kbd">J</kbd> <kbd className="kbd">K</kbd> {t("alarms.key.move")}</span><span><kbd className="kbd">A</kbd> {t("alarms.acknowledge")}</span><span><kbd className="kbd">O</kbd> {t("alarms.take")}</span><span><kbd className="kbd">S</kbd> {t("alarms.shelve")}</span><span><kbd className="kbd">D</kbd> {t("alarms.dispose")}</span><span><kbd className="kbd">T</kbd> {t("alarms.trend")}</span>
          <span><kbd className="kbd">M</kbd> {t("alarms.map")}</span><span><kbd className="kbd">N</kbd> {t("alarms.key.oldest")}</span><span className="grow" /><kbd className="kbd">?</kbd>
        </footer>
      </section>
      <section className="card desk-detail" aria-label={t("alarms.detail")}>
        {chosen ? <AlarmDetail key={chosen.id} alarm={chosen} onAnswer={() => choose(chosen)} ask={ask} take={takeChosen} onClose={() => set({ alarm: null })} /> : named.error ? <Failed what={t("alarms.detail")} error={named.error} retry={named.reload} /> : named.loading && chosenId ? <Loading /> : <Empty>{t("alarms.choose")}</Empty>}
      </section>
      {asking && chosen ? <AnswerDialog alarm={chosen} answer={asking} close={() => setAsking(null)} /> : null}
      {askingAll ? <BatchDialog answer={askingAll} chosen={many} close={() => setAskingAll(null)} done={() => { setAskingAll(null); setPicked(null); }} /> : null}
    </div>
  );
}

/** The map at this alarm. */
export function mapLink(alarm: Alarm): string {
  return `/map?${new URLSearchParams({ alarm: alarm.id, show: "1" }).toString()}`;
}

/** The last alarms, standing or over, newest first: from the center, with what the stream has closed since. */
function useRecent(wanted: boolean, region: string | null): { alarms: readonly Alarm[]; loading: boolean; error: ReturnType<typeof useResource<Alarm[]>>["error"]; reload: () => void } {
  const { regions, enterprises } = useDirectory();
  const closed = useClosedAlarms();
  const day = 86_400_000;
  const read = useResource(wanted ? `recent:${region ?? ""}` : null, (signal) => getAll<Alarm>("/alarms", { open: false, region, from: Date.now() - day, limit: 500 }, 500, signal), 60_000);
  const alarms = useMemo(() => {
    const all = new Map((read.data ?? []).map((a) => [a.id, a]));
    for (const a of closed) {
      const site = a.enterprise ? enterprises.get(a.enterprise) : undefined;
      if (!site || region === null || within(regions, site.region, region)) all.set(a.id, a);
    }
    return [...all.values()].sort(byTime);
  }, [read.data, closed, regions, enterprises, region]);
  return { alarms, loading: read.loading, error: read.error, reload: read.reload };
}

function DeskRow({ alarm, selected, onSelect, picked = false, onPick }: { alarm: Alarm; selected: boolean; onSelect: () => void; picked?: boolean; onPick?: () => void }) {
  const { t, language } = useI18n();
  const now = useNow(1000);
  const badge = alarmBadge(alarm);
  const answered = alarm.acknowledged;
  const title = alarmTitle(alarm, t, language);
  const tag = alarmTag(alarm, title);
  return (
    <li data-alarm={alarm.id} data-state={alarm.state} className={onPick ? "picking" : ""}>
      {onPick ? <label className="pick"><input type="checkbox" checked={picked} onChange={onPick} aria-label={t("batch.choose", { what: title })} /></label> : null}
      <button type="button" className={`desk-row ${selected ? "sel" : ""} ${alarm.state === "closed" ? "over" : ""}`} aria-current={selected} onClick={onSelect}>
        <LevelSymbol level={alarm.level} size={20} outline={badge.outline} />
        <span className="col what">
          <span className="row g6"><span className={`ell ${badge.tone === "loud" ? "b" : ""}`}>{title}</span>{tag ? <span className="s nw">{tag}</span> : null}{["HH", "H", "L", "LL"].includes(alarm.condition) ? <span className="chip low">{alarm.condition}</span> : null}{alarm.chattering ? <span className="chip low">{t("alarms.chattering", { n: alarm.crossings ?? 0 })}</span> : null}{alarm.late ? <span className="chip low">{t("alarms.late")}</span> : null}{alarm.durable === false ? <span className="chip low">{t("alarms.notDurable")}</span> : null}</span>
          <span className="m f12 ell">{[localName(alarm.enterprise_name, language), alarm.point ? localName(alarm.name, language) : "", alarmValue(alarm), alarm.limit !== null ? t("alarms.limit", { value: alarmValue(alarm, alarm.limit) }) : ""].filter(Boolean).join(" · ")}</span>
        </span>
        <span className="right s nw">{duration(endOf(alarm, now) - alarm.raised_at)}</span>
        <span className="col f12 state">
          <span className={`row g4 ${badge.tone === "loud" ? "b" : ""}`}>{answered && alarm.state !== "returned_unacknowledged" ? <Symbol name="st-ack" size={14} /> : null}{t(badge.label)}</span>
          <span className="m ell">{answered ? t("alarms.ackShort", { who: answered.name || answered.by, time: listTime(answered.at) }) : listTime(alarm.raised_at)}</span>
        </span>
      </button>
    </li>
  );
}
