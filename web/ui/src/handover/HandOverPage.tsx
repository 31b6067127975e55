/**
 * 交接班: who goes offers what is theirs, who comes sees it whole and accepts; what was handed over can be looked up and printed. The chosen
 * hand-over is in the address.
 */
import "./handover.css";
import { App, Input, Select } from "antd";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { get, post } from "../api/client";
import type { Alarm } from "../api/types";
import { asApiError, useResource } from "../api/useResource";
import { alarmBadge, alarmPlace, alarmTitle } from "../alarms/alarm";
import { useMine } from "../alarms/useViews";
import { useI18n } from "../i18n";
import { useNeedsCenter } from "../live/hooks";
import { useUser } from "../session/session";
import { now } from "../ui/clock";
import { Empty, Faces } from "../ui/faces";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import { clockTime, dayLabel, listTime } from "../ui/time";
import { incomingOf, useHandOvers, type Colleague, type HandOver } from "./useHandOvers";

const NOBODY: readonly Alarm[] = [];

export function HandOverPage() {
  const { t } = useI18n();
  const me = useUser().username;
  const [params, setParams] = useSearchParams();
  const chosen = Number(params.get("no")) || null;
  const choose = (no: number | null): void => setParams(no === null ? {} : { no: String(no) });
  const all = useHandOvers();
  if (chosen !== null) return <Detail no={chosen} changed={all.reload} close={() => choose(null)} />;
  const incoming = incomingOf(all.data, me);
  return (
    <div className="page handover-page">
      <h1 className="page-title">{t("handover.title")}</h1>
      {incoming.length > 0 ? (
        <section className="card" aria-label={t("handover.incoming")}>
          <h2 className="hd">{t("handover.incoming")} <span className="m">{incoming.length}</span></h2>
          <ul>{incoming.map((h) => <Line key={h.no} of={h} open={() => choose(h.no)} />)}</ul>
        </section>
      ) : null}
      <Give offered={(no) => { all.reload(); choose(no); }} />
      <section className="card" aria-label={t("handover.history")}>
        <h2 className="hd">{t("handover.history")}</h2>
        <Faces of={all} what={t("handover.what")} rows={4}>{(list) => list.length === 0 ? <Empty>{t("handover.none")}</Empty> : <ul>{list.map((h) => <Line key={h.no} of={h} open={() => choose(h.no)} />)}</ul>}</Faces>
      </section>
    </div>
  );
}

function Line({ of, open }: { of: HandOver; open: () => void }) {
  const { t } = useI18n();
  return (
    <li>
      <button type="button" className="handover-line" onClick={open}>
        <Symbol name="ac-handover" size={18} className="s" />
        <span className="col grow"><span className="ell"><b>{t("handover.line", { from: of.from_name, to: of.to_name })}</b> <span className="s">{t("handover.count", { n: of.count })}</span></span><span className="m f12 ell">{of.note}</span></span>
        <span className="col f12 right"><span className="s nw">{t(`handover.state.${of.state}`, { time: of.settled_at === null ? "" : listTime(of.settled_at) })}</span><span className="m nw">{listTime(of.made_at)}</span></span>
      </button>
    </li>
  );
}

function Give({ offered }: { offered: (no: number) => void }) {
  const { t, language } = useI18n();
  const { message } = App.useApp();
  const away = useNeedsCenter();
  const mine = useMine(true, NOBODY);
  const colleagues = useResource("colleagues", async (signal) => (await get<{ items: Colleague[] }>("/hand-overs/colleagues", undefined, signal)).items);
  const [to, setTo] = useState<string | null>(null);
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const offer = async (): Promise<void> => {
    setBusy(true);
    try {
      const made = await post<HandOver>("/hand-overs", { to, note: note.trim() });
      setNote("");
      offered(made.no);
    } catch (cause) {
      void message.error(t("handover.failed", { why: asApiError(cause).message }), 8);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="card" aria-label={t("handover.give")}>
      <h2 className="hd">{t("handover.give")}</h2>
      <Faces of={colleagues} what={t("handover.to")} rows={3}>{(people) => people.length === 0 ? <Empty>{t("handover.noColleagues")}</Empty> : (
        <div className="handover-form">
          <label className="col g4"><span className="s">{t("handover.to")}</span>
            <Select aria-label={t("handover.to")} placeholder={t("handover.chooseTo")} value={to} onChange={setTo} options={people.map((p) => ({ value: p.username, label: `${p.name} · ${t(`role.${p.role}`)}` }))} />
          </label>
          <label className="col g4"><span className="s">{t("handover.note")}</span><Input.TextArea value={note} onChange={(e) => setNote(e.target.value)} placeholder={t("handover.noteHint")} autoSize={{ minRows: 2, maxRows: 8 }} maxLength={500} /></label>
          <div className="col g4">
            <span className="s">{mine.alarms.length > 0 ? t("handover.mine", { n: mine.alarms.length }) : t("handover.noMine")}</span>
            <ul className="handover-alarms">{mine.alarms.slice(0, 100).map((a) => <li key={a.id} className="row g6"><LevelSymbol level={a.level} size={15} outline={alarmBadge(a).outline} /><span className="ell grow">{alarmTitle(a, t, language)} <span className="m">{alarmPlace(a, language)}</span></span><span className="m f12 nw">{t(alarmBadge(a).label)}</span></li>)}</ul>
          </div>
          <div className="row g12 handover-actions">
            <span className="m f12 grow">{t("handover.giveNote")}</span>
            <button type="button" className="btn pri" disabled={busy || away !== null || to === null || (mine.alarms.length === 0 && note.trim() === "")} onClick={() => void offer()}>{t(away ?? "handover.offer")}</button>
          </div>
        </div>
      )}</Faces>
    </section>
  );
}

function Detail({ no, changed, close }: { no: number; changed: () => void; close: () => void }) {
  const { t } = useI18n();
  const read = useResource(`hand-over:${no}`, (signal) => get<HandOver>(`/hand-overs/${no}`, undefined, signal), 20_000);
  return (
    <div className="page handover-page">
      <div className="row g8 no-print"><button type="button" className="btn" onClick={close}><Symbol name="ui-left" size={16} />{t("handover.back")}</button><span className="grow" /><button type="button" className="btn" onClick={() => window.print()}><Symbol name="ac-print" size={16} />{t("handover.print")}</button></div>
      <Faces of={read} what={t("handover.list", { no })} rows={8}>{(of) => <Sheet of={of} changed={() => { read.reload(); changed(); }} />}</Faces>
    </div>
  );
}

function Sheet({ of, changed }: { of: HandOver; changed: () => void }) {
  const { t, language } = useI18n();
  const alarms = of.alarms ?? [];
  return (
    <section className="card handover-sheet" aria-label={t("handover.list", { no: of.no })}>
      <header>
        <h1 className="page-title">{t("handover.list", { no: of.no })}</h1>
        <p><b>{t("handover.line", { from: of.from_name, to: of.to_name })}</b> <span className="s">{t("handover.made", { time: `${dayLabel(of.made_at, language, now())} ${clockTime(of.made_at)}` })} · {t(`handover.state.${of.state}`, { time: of.settled_at === null ? "" : listTime(of.settled_at) })}</span></p>
        {of.note ? <p className="handover-words">{of.note}</p> : null}
        {of.answer ? <p className="handover-words">{of.to_name}：{of.answer}</p> : null}
      </header>
      {of.state === "offered" ? <Settle of={of} changed={changed} /> : null}
      {alarms.length === 0 ? <Empty>{t("handover.noAlarms")}</Empty> : (
        <table className="plain stacked">
          <thead><tr>{(["colNo", "colWhat", "colWhere", "colSince", "colState", "colOwner"] as const).map((key) => <th key={key} scope="col">{t(`handover.${key}`)}</th>)}</tr></thead>
          <tbody>{alarms.map((a, i) => (
            <tr key={a.id}>
              <td className="num-cell">{i + 1}</td>
              <td className="whole"><span className="row g6"><LevelSymbol level={a.level} size={15} outline={alarmBadge(a).outline} />{alarmTitle(a, t, language)}</span></td>
              <td className="whole">{alarmPlace(a, language)}</td>
              <td data-label={t("handover.colSince")}>{listTime(a.raised_at)}</td>
              <td data-label={t("handover.colState")}>{t(alarmBadge(a).label)}</td>
              <td data-label={t("handover.colOwner")}>{a.owner?.name ?? "—"}</td>
            </tr>
          ))}</tbody>
        </table>
      )}
      <p className="print-only handover-sign">{t("handover.sign")}</p>
      <p className="print-only m f12">{t("handover.printed", { time: `${dayLabel(now(), language, now())} ${clockTime(now())}` })}</p>
    </section>
  );
}

function Settle({ of, changed }: { of: HandOver; changed: () => void }) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const me = useUser().username;
  const away = useNeedsCenter();
  const [words, setWords] = useState("");
  const [busy, setBusy] = useState(false);
  const settle = async (how: "accept" | "decline" | "withdraw"): Promise<void> => {
    setBusy(true);
    try {
      await post<HandOver>(`/hand-overs/${of.no}/${how}`, { comment: words.trim() });
    } catch (cause) {
      void message.error(t("handover.failed", { why: asApiError(cause).message }), 8);
    } finally {
      setBusy(false);
      changed();
    }
  };
  const off = busy || away !== null;
  return (
    <div className="handover-settle no-print">
      <Input value={words} onChange={(e) => setWords(e.target.value)} placeholder={t("handover.answer")} aria-label={t("handover.answer")} maxLength={500} />
      {of.to === me ? (
        <>
          <button type="button" className="btn" disabled={off} onClick={() => void settle("decline")}>{t("handover.decline")}</button>
          <button type="button" className="btn pri" disabled={off} onClick={() => void settle("accept")}>{t(away ?? "handover.accept")}</button>
        </>
      ) : <button type="button" className="btn" disabled={off} onClick={() => void settle("withdraw")}>{t(away ?? "handover.withdraw")}</button>}
    </div>
  );
}
