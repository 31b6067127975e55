/** The bar above the list while alarms are being chosen: how many, what to do with all of them, and what came of it. */
import { App, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { post } from "../api/client";
import type { Alarm } from "../api/types";
import { asApiError } from "../api/useResource";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { useNeedsCenter } from "../live/hooks";
import { Symbol } from "../ui/Symbol";
import { useDispositions } from "./answers";
import { summaryOf, type Outcome } from "./selection";

export type BatchAnswer = "acknowledge" | "take" | "comment" | "dispose";
type Words = { comment?: string; cause?: string; measure?: string };

/** Codes of refusals that have words of their own here; others come with the center's. */
const REFUSALS: Readonly<Record<string, MessageKey>> = { already_acknowledged: "batch.refused.already", not_open: "batch.refused.over", quiet: "batch.refused.quiet", not_found: "batch.refused.gone" };

/** Sends one answer to many alarms and tells what came of it. */
export function useBatch(): { busy: boolean; send: (alarms: readonly Alarm[], answer: BatchAnswer, words?: Words) => Promise<boolean> } {
  const { t } = useI18n();
  const { message } = App.useApp();
  const [busy, setBusy] = useState(false);
  const send = async (alarms: readonly Alarm[], answer: BatchAnswer, words: Words = {}): Promise<boolean> => {
    if (alarms.length === 0 || busy) return false;
    setBusy(true);
    try {
      const { items } = await post<{ items: Outcome[] }>("/alarm-answers", { ids: alarms.map((a) => a.id), answer, ...words });
      const { done, refused } = summaryOf(items);
      const why = refused.map(({ code, message: said, n }) => `${REFUSALS[code] ? t(REFUSALS[code]) : said} ${n}`).join(t("batch.and"));
      if (refused.length === 0) void message.success(t("batch.done", { n: done }));
      else void message.warning(t("batch.partly", { done, n: items.length - done, why }), 10);
      return true;
    } catch (cause) {
      void message.error(t("alarms.failed", { why: asApiError(cause).message }), 8);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, send };
}

type Props = { chosen: readonly Alarm[]; of: number; busy: boolean; allowed: boolean; all: () => void; act: (answer: BatchAnswer) => void; end: () => void };

export function BatchBar({ chosen, of, busy, allowed, all, act, end }: Props) {
  const { t } = useI18n();
  const away = useNeedsCenter();
  const off = chosen.length === 0 || busy || !allowed || away !== null;
  const button = (answer: BatchAnswer, label: MessageKey, symbol: string, key: string) => (
    <button type="button" className={`btn sm ${answer === "acknowledge" ? "pri" : ""}`} disabled={off} onClick={() => act(answer)}>
      <Symbol name={symbol} size={15} />{t(label)} <kbd className="kbd" aria-hidden="true">{key}</kbd>
    </button>
  );
  return (
    <div className="batch-bar" role="group" aria-label={t("batch.label")}>
      <b className="nw" role="status">{t("batch.chosen", { n: chosen.length })}</b>
      <button type="button" className="btn txt sm" onClick={all}>{t(chosen.length === of && of > 0 ? "batch.none" : "batch.all", { n: of })} <kbd className="kbd" aria-hidden="true">⇧X</kbd></button>
      <span className="grow" />
      {away ? <span className="m f12">{t(away)}</span> : null}
      {button("acknowledge", busy ? "alarms.acknowledging" : "alarms.acknowledge", "st-ack", "A")}
      {button("take", "alarms.take", "ac-handover", "O")}
      {button("comment", "alarms.addComment", "ac-comment", "C")}
      {button("dispose", "alarms.dispose", "ac-return", "D")}
      <button type="button" className="btn sm" onClick={end}>{t("dialog.cancel")} <kbd className="kbd" aria-hidden="true">Esc</kbd></button>
    </div>
  );
}

/** Words for all of the chosen alarms. */
export function BatchDialog({ answer, chosen, close, done }: { answer: "comment" | "dispose"; chosen: readonly Alarm[]; close: () => void; done: () => void }) {
  const { t, language } = useI18n();
  const lists = useDispositions();
  const { busy, send } = useBatch();
  const [form] = Form.useForm<Words>();
  // As it was opened: what is written is about what was chosen then.
  const [alarms] = useState(chosen);
  const choices = (list: readonly { code: string; name: { zh: string; en: string } }[] | undefined) => (list ?? []).map((c) => ({ value: c.code, label: localName(c.name, language) }));
  const submit = async (words: Words): Promise<void> => {
    if (await send(alarms, answer, words)) done();
  };
  return (
    <Modal open title={t(answer === "comment" ? "batch.commentTitle" : "batch.disposeTitle", { n: alarms.length })} okText={t("alarms.submit")} cancelText={t("dialog.cancel")} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(words) => void submit(words)}>
        {answer === "dispose" ? (
          <>
            <Form.Item name="cause" label={t("alarms.cause")} rules={[{ required: true, message: t("form.required") }]}><Select loading={lists === null} options={choices(lists?.causes)} /></Form.Item>
            <Form.Item name="measure" label={t("alarms.measure")} rules={[{ required: true, message: t("form.required") }]}><Select loading={lists === null} options={choices(lists?.measures)} /></Form.Item>
          </>
        ) : null}
        <Form.Item name="comment" label={t(answer === "comment" ? "alarms.commentText" : "alarms.words")} rules={answer === "comment" ? [{ required: true, whitespace: true, message: t("alarms.reasonNeeded") }] : []}>
          <Input.TextArea autoFocus={answer === "comment"} autoSize={{ minRows: 2, maxRows: 6 }} maxLength={500} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
