/**
 * One warning in full: who was called up the ladder, what happened and what was sent, its alarms, and the buttons that answer it. The next
 * thing to do is the one big button: answer, then feedback, then close.
 */
import { App, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { get, post } from "../api/client";
import { asApiError, useResource } from "../api/useResource";
import { useDispositions, useMayAnswer } from "../alarms/answers";
import { alarmBadge, alarmTitle, alarmValue } from "../alarms/alarm";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { useUser } from "../session/session";
import { useNow } from "../ui/clock";
import { Failed, Loading } from "../ui/faces";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import { clockTime, duration, exactTime, listTime } from "../ui/time";
import { Pennant } from "./Pennant";
import { RUNGS, type Message, type Warning } from "./types";
import { linesOf, placeOf, titleOf } from "./warning";

const EVERY_MS = 2_000;
type Deed = "feedback" | "close";

export function WarningDetail({ no, onClose }: { no: string; onClose: () => void }) {
  const { t, language } = useI18n();
  const { message } = App.useApp();
  const may = useMayAnswer();
  const user = useUser();
  const clock = useNow(1000);
  const read = useResource(`warning:${no}`, (signal) => get<Warning>(`/warnings/${encodeURIComponent(no)}`, undefined, signal), EVERY_MS);
  const [asking, setAsking] = useState<Deed | null>(null);
  const [busy, setBusy] = useState(false);
  const lists = useDispositions();
  const w = read.data;
  if (!w) return read.error ? <Failed error={read.error} what={t("warn.what")} retry={read.reload} /> : <Loading rows={8} />;

  const answer = async (): Promise<void> => {
    setBusy(true);
    try {
      await post<Warning>(`/warnings/${w.no}/answer`, {});
      read.reload();
    } catch (cause) {
      void message.error(t("warn.failed", { why: asApiError(cause).message }), 8);
    } finally {
      setBusy(false);
    }
  };
  const mayClose = may && user.role !== "enterprise_responder";
  const open = w.state !== "closed";
  return (
    <>
      <header className={`detail-head edge-${w.colour}`}>
        <button type="button" className="btn icon detail-back" aria-label={t("equipment.back")} onClick={onClose}><Symbol name="ui-left" size={16} /></button>
        <Pennant colour={w.colour} size={26} />
        <div className="col grow">
          <h2>{titleOf(w, t, language)}</h2>
          <p className="m">{placeOf(w, t, language)}</p>
        </div>
        <div className="col right">
          <span className="b">{duration((w.closed_at ?? clock) - w.raised_at)}</span>
          <span className="f12">{t(`warn.state.${w.state}`)}</span>
        </div>
      </header>
      <div className="detail-scroll">
        <Ladder warning={w} />
        <div className="row g8 detail-links">
          {w.equipment ? <Link className="btn" to={`/equipment/${encodeURIComponent(w.equipment)}`}><Symbol name="eq-tank" size={16} />{t("warn.equipment")}</Link> : null}
          {w.enterprise ? <Link className="btn" to={`/enterprises/${encodeURIComponent(w.enterprise)}`}><Symbol name="eq-enterprise" size={16} />{t("warn.enterprise")}</Link> : null}
          {w.lead ? <Link className="btn" to={`/map?alarm=${encodeURIComponent(w.lead)}`}><Symbol name="ac-locate" size={16} />{t("warn.map")}</Link> : null}
        </div>
        {w.members && w.members.length > 0 ? (
          <section aria-label={t("warn.memberList")}>
            <h3 className="detail-title">{t("warn.memberList")} <span className="m">{t("warn.members", { n: w.alarms, standing: w.standing })}</span></h3>
            <ul className="warn-members">
              {w.members.map((a) => (
                <li key={a.id}>
                  <Link to={`/alarms?alarm=${encodeURIComponent(a.id)}`} className="row g8">
                    <LevelSymbol level={a.level} size={16} outline={alarmBadge(a).outline} />
                    <span className="grow ell">{alarmTitle(a, t, language)}</span>
                    <span className="num">{alarmValue(a)}</span>
                    <span className="m f12">{t(alarmBadge(a).label)}</span>
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        ) : null}
        <section aria-label={t("warn.line")}>
          <h3 className="detail-title">{t("warn.line")}</h3>
          <ol className="warn-line">
            {linesOf(w.line ?? [], t, language, lists).map((line, i) => (
              <li key={i} data-what={line.what}><time className="m num" title={exactTime(line.at)}>{clockTime(line.at)}</time><span>{line.words}</span></li>
            ))}
          </ol>
        </section>
        <section aria-label={t("warn.messages")}>
          <h3 className="detail-title">{t("warn.messages")}</h3>
          <Messages of={w.messages ?? []} />
        </section>
        <p className="m f12 alarm-number">{t("warn.number", { no: w.no })}</p>
      </div>
      {open ? (
        <footer className="detail-answer warn-answer">
          {w.answered_by ? <span className="s grow row g6"><Symbol name="ac-handover" size={16} />{t("warn.answered", { who: w.answered_by_name ?? w.answered_by, time: clockTime(w.answered_at ?? 0) })}</span> : <span className="m grow f12">{t("warn.answerNote")}</span>}
          {w.state === "unanswered" ? <button type="button" className="btn pri answer" disabled={!may || busy} onClick={() => void answer()}>{t("warn.answer")}</button> : null}
          <button type="button" className={`btn answer ${w.state === "in_hand" ? "pri" : ""}`} disabled={!may} onClick={() => setAsking("feedback")}>{t("warn.feedback")}</button>
          <button type="button" className={`btn answer ${w.state === "returned" ? "pri" : ""}`} disabled={!mayClose || w.standing > 0} title={w.standing > 0 ? t("warn.stillStands", { n: w.standing }) : undefined} onClick={() => setAsking("close")}>{t("warn.close")}</button>
        </footer>
      ) : null}
      {asking ? <DeedDialog warning={w} deed={asking} close={() => setAsking(null)} done={() => { setAsking(null); read.reload(); }} /> : null}
    </>
  );
}

/** Rungs from the enterprise up, those that were called marked. */
function Ladder({ warning: w }: { warning: Warning }) {
  const { t } = useI18n();
  const called = (w.line ?? []).flatMap((e) => (e.change.what === "called" && e.change.round === w.round ? [{ rung: e.change.rung, at: e.at }] : []));
  return (
    <section className="warn-ladder" aria-label={t("warn.ladder")}>
      <ol>
        {RUNGS.map((rung) => {
          const at = called.find((c) => c.rung === rung)?.at ?? null;
          return (
            <li key={rung} className={at === null ? "" : "called"}>
              <i aria-hidden="true" />
              <span>{t(`warn.rung.${rung}`)}</span>
              <span className="m f12">{at === null ? t("warn.notCalled") : clockTime(at)}</span>
            </li>
          );
        })}
      </ol>
      {w.round > 1 ? <p className="m f12">{t("warn.ladderRound", { n: w.round })}</p> : null}
    </section>
  );
}

export function Messages({ of }: { of: readonly Message[] }) {
  const { t } = useI18n();
  if (of.length === 0) return <p className="m warn-none">{t("msg.none")}</p>;
  return (
    <ul className="warn-messages">
      {of.map((m) => (
        <li key={m.id} className={m.state}>
          <time className="m num">{listTime(m.created_at)}</time>
          <span className="col">
            <span className="row g6"><b>{m.person_name ?? m.person ?? t("msg.program")}</b><span className="m">{t(`warn.rung.${m.rung}`)} · {t(`msg.why.${m.why}`)} · {t(`msg.means.${m.means}`)} {m.address}</span></span>
            {m.error && m.state !== "sent" ? <span className="t2 f12">{m.error}</span> : null}
          </span>
          <span className="col right f12">
            <span className={m.state === "failed" ? "t2 b" : ""}>{t(`msg.state.${m.state}`)}</span>
            <span className="m">{[m.next_at !== null && m.next_at !== undefined ? t("msg.next", { time: clockTime(m.next_at) }) : null, m.tries > 1 ? t("msg.tries", { n: m.tries }) : null, m.doubles > 0 ? t("msg.doubles", { n: m.doubles }) : null, m.person ? (m.read_at ? t("msg.read", { time: clockTime(m.read_at) }) : t("msg.unread")) : null].filter(Boolean).join(" · ")}</span>
          </span>
        </li>
      ))}
    </ul>
  );
}

type Draft = { cause: string; measure: string; comment?: string };

function DeedDialog({ warning, deed, close, done }: { warning: Warning; deed: Deed; close: () => void; done: () => void }) {
  const { t, language } = useI18n();
  const lists = useDispositions();
  const [form] = Form.useForm<Draft>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const send = async (draft: Draft): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await post<Warning>(`/warnings/${warning.no}/${deed}`, { cause: draft.cause, measure: draft.measure, comment: draft.comment ?? "" });
      done();
    } catch (cause) {
      setProblem(asApiError(cause).message);
      setBusy(false);
    }
  };
  const choices = (list: { code: string; name: { zh: string; en: string } }[] | undefined) => (list ?? []).map((c) => ({ value: c.code, label: localName(c.name, language) }));
  const required = [{ required: true, message: t("form.required") }];
  const title: MessageKey = deed === "close" ? "warn.closeTitle" : "warn.feedbackTitle";
  return (
    <Modal open title={t(title, { what: titleOf(warning, t, language) })} okText={t(deed === "close" ? "warn.close" : "warn.feedback")} cancelText={t("dialog.cancel")} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      {deed === "close" ? <p className="s answer-note">{t("warn.closeNote")}</p> : null}
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(draft) => void send(draft)}>
        <Form.Item name="cause" label={t("alarms.cause")} rules={required}><Select loading={lists === null} options={choices(lists?.causes)} /></Form.Item>
        <Form.Item name="measure" label={t("alarms.measure")} rules={required}><Select loading={lists === null} options={choices(lists?.measures)} /></Form.Item>
        <Form.Item name="comment" label={t("alarms.words")} rules={deed === "close" ? [{ required: true, whitespace: true, message: t("alarms.reasonNeeded") }] : []}>
          <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={500} />
        </Form.Item>
        {problem ? <p className="t2" role="alert">{problem}</p> : null}
      </Form>
    </Modal>
  );
}
