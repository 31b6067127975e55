/**
 * What a person can do with an alarm besides acknowledging it: take over, comment, dispose of it, shelve it, take it out of service. Each
 * dialog says what follows, and closes only when the center has taken it.
 */
import { App, Checkbox, Form, Input, Modal, Radio, Select } from "antd";
import { useState } from "react";
import { get, post } from "../api/client";
import type { Alarm, Dispositions, Quiet } from "../api/types";
import { asApiError, useResource } from "../api/useResource";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { useLive, useNeedsCenter } from "../live/hooks";
import { mayAcknowledge, useUser } from "../session/session";
import { Symbol } from "../ui/Symbol";
import { alarmTitle } from "./alarm";
import { isQuiet } from "./state";

export type Answer = "comment" | "dispose" | "shelve" | "out_of_service";

/** The alarm of which this is an occurrence: `SUBJECT|CONDITION`. */
export const keyOf = (alarm: Pick<Alarm, "subject" | "condition">): string => `${alarm.subject}|${alarm.condition}`;

/** The lists to choose from; they change with the program only. */
export function useDispositions(): Dispositions | null {
  return useResource("dispositions", (signal) => get<Dispositions>("/dispositions", undefined, signal)).data ?? null;
}

/** Whether this person may answer alarms, and whether the center hears. */
export function useMayAnswer(): boolean {
  const away = useNeedsCenter();
  return mayAcknowledge(useUser()) && away === null;
}

/** Taking over needs no words, and neither does a reset. */
export const useTake = (): ((alarm: Alarm) => Promise<void>) => useDeed("take");
export const useReset = (): ((alarm: Alarm) => Promise<void>) => useDeed("reset");

/** Whether it has been answered, has returned to normal, and stays until somebody resets it. */
export const isLatched = ({ state }: Pick<Alarm, "state">): boolean => state === "latched_acknowledged";

function useDeed(deed: "take" | "reset"): (alarm: Alarm) => Promise<void> {
  const { store } = useLive();
  const { t } = useI18n();
  const { message } = App.useApp();
  return async (alarm) => {
    try {
      store.putAlarm(await post<Alarm>(`/alarms/${encodeURIComponent(alarm.id)}/${deed}`, {}));
    } catch (cause) {
      void message.error(t("alarms.failed", { why: asApiError(cause).message }), 8);
    }
  };
}

export function AnswerBar({ alarm, ask, take }: { alarm: Alarm; ask: (answer: Answer) => void; take: () => void }) {
  const { t } = useI18n();
  const may = useMayAnswer();
  const me = useUser();
  const button = (label: MessageKey, symbol: string, key: string | null, press: () => void, off = false) => (
    <button type="button" className="btn sm" disabled={!may || off} onClick={press}>
      <Symbol name={symbol} size={15} />{t(label)}{key ? <> <kbd className="kbd" aria-hidden="true">{key}</kbd></> : null}
    </button>
  );
  const open = alarm.state !== "closed";
  const reset = useReset();
  return (
    <div className="answer-bar" role="group" aria-label={t("alarms.detail")}>
      {isLatched(alarm) ? button("alarms.reset", "st-latch", "R", () => void reset(alarm)) : null}
      {button("alarms.take", "ac-handover", "O", take, alarm.owner?.by === me.username)}
      {button("alarms.addComment", "ac-comment", "C", () => ask("comment"))}
      {button("alarms.dispose", "ac-return", "D", () => ask("dispose"))}
      {open && !isQuiet(alarm) ? button("alarms.shelve", "st-shelve", "S", () => ask("shelve")) : null}
      {open && alarm.state !== "out_of_service" ? button("alarms.outOfService", "st-oos", null, () => ask("out_of_service")) : null}
    </div>
  );
}

const MINUTES = [15, 60, 240, 480] as const;
type Draft = { comment?: string; cause?: string; measure?: string; minutes?: number; one_shot?: boolean };

export function AnswerDialog({ alarm, answer, close }: { alarm: Alarm; answer: Answer; close: () => void }) {
  const { t, language } = useI18n();
  const { store } = useLive();
  const away = useNeedsCenter();
  const lists = useDispositions();
  const [form] = Form.useForm<Draft>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const what = alarmTitle(alarm, t, language);
  const title: Record<Answer, MessageKey> = { comment: "alarms.commentTitle", dispose: "alarms.disposeTitle", shelve: "alarms.shelveTitle", out_of_service: "alarms.oosTitle" };
  const send = async (draft: Draft): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const id = encodeURIComponent(alarm.id);
    try {
      if (answer === "comment") store.putAlarm(await post<Alarm>(`/alarms/${id}/comment`, { comment: draft.comment ?? "" }));
      else if (answer === "dispose") store.putAlarm(await post<Alarm>(`/alarms/${id}/dispose`, { cause: draft.cause, measure: draft.measure, comment: draft.comment ?? "" }));
      else {
        const timed = answer === "shelve" ? { minutes: draft.minutes, one_shot: draft.one_shot ?? false } : {};
        const quiet: Quiet = answer === "shelve" ? "shelved" : "out_of_service";
        await post<void>("/quiet-alarms", { alarm: keyOf(alarm), quiet, reason: draft.comment ?? "", ...timed });
        store.putAlarm(await get<Alarm>(`/alarms/${id}`));
      }
      close();
    } catch (cause) {
      setProblem(asApiError(cause).message);
    } finally {
      setBusy(false);
    }
  };
  const needsWords = answer !== "dispose";
  const choices = (list: Dispositions["causes"] | undefined) => (list ?? []).map((c) => ({ value: c.code, label: localName(c.name, language) }));
  return (
    <Modal open title={t(title[answer], { what })} okText={t(away ?? (answer === "shelve" ? "alarms.shelve" : answer === "out_of_service" ? "alarms.outOfService" : "alarms.submit"))} cancelText={t("dialog.cancel")}
      okButtonProps={{ disabled: away !== null }} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(draft) => void send(draft)} initialValues={{ minutes: 60, one_shot: false, ...(alarm.disposition && answer === "dispose" ? { cause: alarm.disposition.cause, measure: alarm.disposition.measure } : {}) }}>
        {answer === "shelve" ? (
          <>
            <p className="s answer-note">{t("alarms.shelveNote")}</p>
            <Form.Item name="minutes" label={t("alarms.shelveFor")}>
              <Radio.Group optionType="button" options={MINUTES.map((m) => ({ value: m, label: m < 60 ? t("alarms.minutes", { n: m }) : t("alarms.hours", { n: m / 60 }) }))} />
            </Form.Item>
            {alarm.cleared_at === null ? <Form.Item name="one_shot" valuePropName="checked"><Checkbox>{t("alarms.shelveOneShot")}</Checkbox></Form.Item> : null}
          </>
        ) : null}
        {answer === "out_of_service" ? <p className="s answer-note">{t("alarms.oosNote")}</p> : null}
        {answer === "dispose" ? (
          <>
            <Form.Item name="cause" label={t("alarms.cause")} rules={[{ required: true, message: t("form.required") }]}><Select loading={lists === null} options={choices(lists?.causes)} /></Form.Item>
            <Form.Item name="measure" label={t("alarms.measure")} rules={[{ required: true, message: t("form.required") }]}><Select loading={lists === null} options={choices(lists?.measures)} /></Form.Item>
          </>
        ) : null}
        <Form.Item name="comment" label={t(answer === "comment" ? "alarms.commentText" : answer === "dispose" ? "alarms.words" : "alarms.reason")} rules={needsWords ? [{ required: true, whitespace: true, message: t("alarms.reasonNeeded") }] : []}>
          <Input.TextArea autoFocus={needsWords} autoSize={{ minRows: 2, maxRows: 6 }} maxLength={500} />
        </Form.Item>
        {problem ? <p className="t2" role="alert">{problem}</p> : null}
      </Form>
    </Modal>
  );
}
