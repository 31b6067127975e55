/** The form of one record, drawn from its field list. What the center refuses is shown at its field. */
import { Drawer, Form, Input, InputNumber, Select } from "antd";
import { useMemo, useState } from "react";
import { post, put } from "../api/client";
import { tagOf } from "../alarms/alarm";
import { asApiError } from "../api/useResource";
import { useI18n, type MessageKey, type Translate } from "../i18n";
import { localName } from "../i18n/name";
import { useNeedsCenter } from "../live/hooks";
import { zhCN } from "../i18n/zh-CN";
import { PlacePicker, type Place } from "./PlacePicker";
import { StatesEditor } from "./StatesEditor";
import { fromDraft, RECORDS, toDraft, type Draft, type Field, type RecordKind, type Row } from "./records";

export type Choices = Partial<Record<"region" | "hazard" | "equipment" | "gateway", readonly { value: string; label: string }[]>>;
type Props = { kind: RecordKind; enterprise: string; row: Row | null; choices: Choices; near: Place | null; close: () => void; saved: (answer: Row) => void; reload: () => void };

export function RecordForm({ kind, enterprise, row, choices, near, close, saved, reload }: Props) {
  const { t, language } = useI18n();
  const spec = RECORDS[kind];
  const away = useNeedsCenter();
  const [form] = Form.useForm<Draft>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const initial = useMemo(() => (row ? toDraft(row, spec.fields) : { ...(kind === "equipment" || kind === "point" || kind === "camera" ? { id: `${enterprise}.`, ...(kind === "point" ? { chatter_transitions: 3, chatter_window_ms: 60_000 } : {}) } : { [spec.idKey]: enterprise }) }), [row, spec, kind, enterprise]);
  const id = row ? String(row[spec.idKey]) : null;
  const discrete = Form.useWatch("kind", { form, preserve: true }) === "discrete";
  const save = async (draft: Draft): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const body = fromDraft(kind, row, draft);
      saved(id === null ? await post<Row>(spec.path, body) : await put<Row>(`${spec.path}/${encodeURIComponent(id)}`, body));
    } catch (cause) {
      const error = asApiError(cause);
      const field = fieldOf(error.field, spec.fields);
      if (error.code === "changed_meanwhile") {
        setProblem(t("plant.changed"));
        reload();
      } else if (field) form.setFields([{ name: field, errors: [error.message] }]);
      else setProblem(error.message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Drawer open size={Math.min(520, window.innerWidth)} title={id === null ? t("plant.add") : [tagOf(id), localName(row?.name, language)].filter(Boolean).join(" ")} onClose={close} destroyOnHidden
      footer={<div className="row g8" style={{ justifyContent: "flex-end" }}><button type="button" className="btn" onClick={close}>{t("dialog.cancel")}</button><button type="button" className="btn pri" disabled={busy || away !== null} onClick={() => form.submit()}>{t(away ?? "plant.save")}</button></div>}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={initial} onFinish={(draft) => void save(draft)} className="record-form">
        {spec.fields.filter((field) => !field.discreteOnly || discrete).map((field) => (
          <Form.Item key={field.key} name={field.key} label={t(`field.${field.key}` as MessageKey)} className={field.type === "place" || field.type === "states" ? "whole" : ""}
            rules={field.required ? [{ required: true, message: t("form.required") }] : []}>
            {control(field, choices, near, id !== null, t)}
          </Form.Item>
        ))}
        {problem ? <p className="t2 whole" role="alert">{problem}</p> : null}
      </Form>
    </Drawer>
  );
}

/** The form's field for the one that the center named (`name.zh`, `range`, `longitude` …). */
export function fieldOf(named: string | null, fields: readonly Field[]): string | null {
  if (named === null) return null;
  const alias: Record<string, string> = { name: "name_zh", "name.zh": "name_zh", "name.en": "name_en", range: "range_hi", longitude: "place", latitude: "place" };
  const key = alias[named] ?? named;
  return fields.some((f) => f.key === key) ? key : null;
}

/** A code in words where there are some, as it stands where there are none. */
export function codeWords(field: Field, code: string, t: Translate): string {
  const key = `${field.words ?? ""}.${code}`;
  return key in zhCN ? t(key as MessageKey) : code;
}

/** Known codes in words; what is typed and is none of them becomes a code of its own. Leaving the field keeps what was typed. */
function OpenSelect({ field, disabled, value, onChange, id }: { field: Field; disabled: boolean; value?: string | null; onChange?: (value: string | null) => void; id?: string }) {
  const { t } = useI18n();
  const [typed, setTyped] = useState("");
  const known = field.options ?? [];
  const options = [...known, ...(value && !known.includes(value) ? [value] : [])].map((o) => ({ value: o, label: codeWords(field, o, t) }));
  const own = typed.trim();
  const meant = options.find((o) => o.value === own || o.label === own)?.value ?? own;
  if (own && meant === own && !options.some((o) => o.value === own)) options.push({ value: own, label: t("plant.typed", { text: own }) });
  return (
    <Select {...(id ? { id } : {})} showSearch={{ onSearch: setTyped, filterOption: (text, o) => o?.value === text.trim() || String(o?.label).toLowerCase().includes(text.trim().toLowerCase()) }}
      allowClear={!field.required} disabled={disabled} value={value || null} onChange={(v) => { setTyped(""); onChange?.(v ?? null); }}
      onBlur={() => { if (own) { setTyped(""); onChange?.(meant); } }} options={options} />
  );
}

function control(field: Field, choices: Choices, near: Place | null, exists: boolean, t: Translate) {
  const disabled = exists && field.fixed === true;
  switch (field.type) {
    case "place": return <PlacePicker near={near} />;
    case "states": return <StatesEditor />;
    case "number": return <InputNumber style={{ width: "100%" }} disabled={disabled} />;
    case "ref": return <Select showSearch={{ optionFilterProp: "label" }} allowClear={!field.required} disabled={disabled} options={[...((field.of && choices[field.of]) ?? [])]} />;
    case "select": return <Select disabled={disabled} allowClear={!field.required} options={(field.options ?? []).map((o) => ({ value: o, label: codeWords(field, o, t) }))} />;
    case "open": return <OpenSelect field={field} disabled={disabled} />;
    case "text": return <Input disabled={disabled} autoComplete="off" />;
  }
}
