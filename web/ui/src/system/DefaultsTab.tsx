/** Deadband and delays that a new limit gets by its signal type: read, changed with a reason, kept in versions. */
import { Form, Input, InputNumber, Modal } from "antd";
import { useState } from "react";
import { get, put, remove, withQuery } from "../api/client";
import type { components } from "../api/generated";
import { asApiError, useResource } from "../api/useResource";
import { useI18n, type MessageKey } from "../i18n";
import { useNeedsCenter } from "../live/hooks";
import type { AlarmDefaults } from "../plant/defaults";
import { Faces } from "../ui/faces";

type Body = Required<components["schemas"]["AlarmDefaultsInput"]>;
export type DefaultsDraft = { signal: string; deadband: number; on: number; urgent: number; off: number; reason: string };

/** Seconds on the screen are milliseconds on the wire. */
export function bodyOf(draft: DefaultsDraft, version: number): Body {
  const ms = (seconds: number): number => Math.round(seconds * 1000);
  return {
    signal: draft.signal.trim(), deadband_percent: draft.deadband, on_delay_ms: ms(draft.on), urgent_on_delay_ms: ms(draft.urgent), off_delay_ms: ms(draft.off), reason: draft.reason.trim(), version,
  };
}

const FIELDS: Record<string, keyof DefaultsDraft> = { signal: "signal", deadband_percent: "deadband", on_delay_ms: "on", urgent_on_delay_ms: "urgent", off_delay_ms: "off", reason: "reason" };

export function DefaultsTab() {
  const { t } = useI18n();
  const read = useResource("alarm-defaults", (signal) => get<{ items: AlarmDefaults[] }>("/alarm-defaults", {}, signal));
  const away = useNeedsCenter();
  const [editing, setEditing] = useState<AlarmDefaults | "new" | null>(null);
  return (
    <section className="card" aria-label={t("system.tab.defaults")}>
      <div className="toolbar"><button type="button" className="btn pri" disabled={away !== null} onClick={() => setEditing("new")}>{t(away ?? "defaults.add")}</button></div>
      <p className="m f12 rules-foot">{t("defaults.note")}</p>
      <Faces of={read} what={t("defaults.what")}>
        {({ items }) => (
          <div className="wide-table">
            <table className="plain stacked">
              <thead><tr><th>{t("defaults.signal")}</th><th>{t("defaults.deadband")}</th><th>{t("defaults.on")}</th><th>{t("defaults.urgent")}</th><th>{t("defaults.off")}</th><th>{t("defaults.origin")}</th><th /></tr></thead>
              <tbody>{items.map((row) => <Row key={row.signal} row={row} edit={() => setEditing(row)} changed={read.reload} />)}</tbody>
            </table>
          </div>
        )}
      </Faces>
      {editing ? <RowForm row={editing === "new" ? null : editing} close={() => setEditing(null)} saved={() => { setEditing(null); read.reload(); }} reload={read.reload} /> : null}
    </section>
  );
}

function Row({ row, edit, changed }: { row: AlarmDefaults; edit: () => void; changed: () => void }) {
  const { t } = useI18n();
  const away = useNeedsCenter();
  const [modal, holder] = Modal.useModal();
  const others = row.signal === "*";
  const ask = (): void => {
    modal.confirm({
      title: t("defaults.removeAsk", { signal: row.signal }), okText: t("defaults.remove"), cancelText: t("dialog.cancel"), icon: null, okButtonProps: { className: "destructive" },
      onOk: async () => {
        try {
          await remove<void>(withQuery(`/alarm-defaults/${encodeURIComponent(row.signal)}`, { version: row.version }));
        } catch (cause) {
          modal.error({ title: asApiError(cause).message, icon: null });
        }
        changed();
      },
    });
  };
  return (
    <tr>
      <td className="b whole">{others ? t("defaults.others") : row.signal}</td>
      <td data-label={t("defaults.deadband")}>{row.deadband_percent}</td>
      <td data-label={t("defaults.on")}>{row.on_delay_ms / 1000}</td>
      <td data-label={t("defaults.urgent")}>{row.urgent_on_delay_ms / 1000}</td>
      <td data-label={t("defaults.off")}>{row.off_delay_ms / 1000}</td>
      <td className="s" data-label={t("defaults.origin")}>{t(`defaults.origin.${row.origin}` as MessageKey)}{row.reason ? ` · ${row.reason}` : ""}</td>
      <td className="num actions">
        <button type="button" className="btn txt sm" disabled={away !== null} title={away ? t(away) : ""} onClick={edit}>{t("defaults.edit")}</button>
        {others ? null : <button type="button" className="btn txt sm" disabled={away !== null} title={away ? t(away) : ""} onClick={ask}>{t("defaults.remove")}</button>}
        {holder}
      </td>
    </tr>
  );
}

function RowForm({ row, close, saved, reload }: { row: AlarmDefaults | null; close: () => void; saved: () => void; reload: () => void }) {
  const { t } = useI18n();
  const away = useNeedsCenter();
  const [form] = Form.useForm<DefaultsDraft>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const save = async (draft: DefaultsDraft): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const body = bodyOf(draft, row?.version ?? 0);
    try {
      await put<AlarmDefaults>(`/alarm-defaults/${encodeURIComponent(body.signal)}`, body);
      saved();
    } catch (cause) {
      const error = asApiError(cause);
      const field = FIELDS[error.field ?? ""];
      if (error.code === "changed_meanwhile") {
        setProblem(t("defaults.changed"));
        reload();
      } else if (field) form.setFields([{ name: field, errors: [error.message] }]);
      else setProblem(error.message);
    } finally {
      setBusy(false);
    }
  };
  const number = (name: keyof DefaultsDraft, label: MessageKey, max: number) => (
    <Form.Item name={name} label={t(label)} rules={[{ required: true, message: t("form.required") }]}><InputNumber min={0} max={max} style={{ width: "100%" }} /></Form.Item>
  );
  const initial = row
    ? { signal: row.signal, deadband: row.deadband_percent, on: row.on_delay_ms / 1000, urgent: row.urgent_on_delay_ms / 1000, off: row.off_delay_ms / 1000 }
    : { deadband: 2, on: 15, urgent: 3, off: 15 };
  const title = row ? (row.signal === "*" ? t("defaults.others") : row.signal) : t("defaults.add");
  return (
    <Modal open title={title} okText={t(away ?? "defaults.save")} cancelText={t("dialog.cancel")} okButtonProps={{ disabled: away !== null }} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={initial} onFinish={(draft) => void save(draft)}>
        <Form.Item name="signal" hidden={row !== null} label={t("defaults.signal")} extra={t("defaults.signalHint")} rules={[{ required: true, message: t("form.required") }]}><Input autoComplete="off" /></Form.Item>
        {number("deadband", "defaults.deadband", 50)}
        {number("on", "defaults.on", 86_400)}
        {number("urgent", "defaults.urgent", 86_400)}
        {number("off", "defaults.off", 86_400)}
        <Form.Item name="reason" label={t("defaults.reason")} rules={[{ required: true, whitespace: true, message: t("form.required") }]}><Input.TextArea rows={2} maxLength={500} /></Form.Item>
      </Form>
      {problem ? <p className="t2" role="alert">{problem}</p> : null}
    </Modal>
  );
}
