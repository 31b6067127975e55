/**
 * 设备状态: whether the equipment runs, who said so and why; and the dialog in which it is changed. While it does not run, alarms that mean
 * nothing then are suppressed by design; which, the center decides by the rule of each point.
 */
import { Form, Input, Modal, Radio } from "antd";
import { useState } from "react";
import { post } from "../api/client";
import type { Equipment, OperationState } from "../api/types";
import { asApiError } from "../api/useResource";
import { useI18n } from "../i18n";
import { useNeedsCenter } from "../live/hooks";
import { mayOperate, useUser } from "../session/session";
import { Symbol } from "../ui/Symbol";
import { listTime } from "../ui/time";

export const OPERATION_STATES: readonly OperationState[] = ["running", "stopped", "maintenance", "starting"];
const MINUTES = [30, 120, 480, 1440] as const;

/** The state, with the button that changes it. */
export function OperationControl({ equipment, changed }: { equipment: Equipment; changed: () => void }) {
  const { t } = useI18n();
  const away = useNeedsCenter();
  const may = mayOperate(useUser());
  const [open, setOpen] = useState(false);
  const { state } = equipment.operation;
  return (
    <>
      {state === "running" ? null : <span className="chip ol"><Symbol name="st-suppress" size={14} />{t(`equipment.operation.${state}`)}</span>}
      {may ? <button type="button" className="btn" disabled={away !== null} onClick={() => setOpen(true)}>{t(away ?? "equipment.operation.change")}</button> : null}
      {open ? <OperationDialog equipment={equipment} close={() => setOpen(false)} changed={changed} /> : null}
    </>
  );
}

/** What people must know while it does not run: since when, who, why, until when, and that some alarms are quiet. */
export function OperationBanner({ equipment }: { equipment: Equipment }) {
  const { t } = useI18n();
  const { state, by, by_name, reason, since, until } = equipment.operation;
  if (state === "running") return null;
  return (
    <div className="card operation-banner" role="status">
      <Symbol name="st-suppress" size={18} />
      <b>{t(`equipment.operation.${state}`)}</b>
      {since === null ? null : <span className="s nw">{t("equipment.operation.since", { time: listTime(since) })}</span>}
      {until === null ? null : <span className="s nw">{t("equipment.operation.until", { time: listTime(until) })}</span>}
      <span className="s">{t("alarms.quietBy", { who: by_name ?? by ?? "", reason })}</span>
      <span className="m f12">{t("equipment.operation.note")}</span>
    </div>
  );
}

type Draft = { state: OperationState; minutes: number; reason?: string };

function OperationDialog({ equipment, close, changed }: { equipment: Equipment; close: () => void; changed: () => void }) {
  const { t } = useI18n();
  const away = useNeedsCenter();
  const [form] = Form.useForm<Draft>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const now = equipment.operation.state;
  const chosen = Form.useWatch("state", form) ?? (now === "running" ? "stopped" : "running");
  const send = async ({ state, minutes, reason }: Draft): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const timed = state === "starting" ? { minutes } : {};
      await post<Equipment>(`/equipment/${encodeURIComponent(equipment.id)}/state`, { state, reason: reason ?? "", ...timed });
      changed();
      close();
    } catch (cause) {
      setProblem(asApiError(cause).message);
    } finally {
      setBusy(false);
    }
  };
  const states = OPERATION_STATES.filter((state) => state !== now || state === "starting");
  return (
    <Modal open title={t("equipment.operation.title", { tag: equipment.tag })} okText={t(away ?? "alarms.submit")} cancelText={t("dialog.cancel")}
      okButtonProps={{ disabled: away !== null }} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(draft) => void send(draft)} initialValues={{ state: now === "running" ? "stopped" : "running", minutes: 120 }}>
        <Form.Item name="state" label={t("equipment.operation.what")}>
          <Radio.Group optionType="button" options={states.map((state) => ({ value: state, label: t(`equipment.operation.${state}`) }))} />
        </Form.Item>
        <p className="s answer-note">{t(`equipment.operation.follows.${chosen}`)}</p>
        {chosen === "starting" ? (
          <Form.Item name="minutes" label={t("equipment.operation.for")}>
            <Radio.Group optionType="button" options={MINUTES.map((m) => ({ value: m, label: m < 60 ? t("alarms.minutes", { n: m }) : t("alarms.hours", { n: m / 60 }) }))} />
          </Form.Item>
        ) : null}
        <Form.Item name="reason" label={t("alarms.reason")} rules={chosen === "running" ? [] : [{ required: true, whitespace: true, message: t("alarms.reasonNeeded") }]}>
          <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={500} />
        </Form.Item>
        {problem ? <p className="t2" role="alert">{problem}</p> : null}
      </Form>
    </Modal>
  );
}
