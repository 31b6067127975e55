/** Rules that make warnings of alarms: a table to read, and, for administrators, a form for one rule at a time. */
import "./warnings.css";
import { Checkbox, Form, Input, InputNumber, Modal, Select } from "antd";
import { useState } from "react";
import type { Condition } from "../api/types";
import { useI18n, type Translate } from "../i18n";
import { Faces } from "../ui/faces";
import { duration } from "../ui/time";
import { Pennant } from "./Pennant";
import { Earlier, SaveBar, useMayEditSettings, VersionLine } from "./SettingsFrame";
import { saveRules, useVersions, type Rule, type Versions } from "./settings";
import { COLOURS, KINDS } from "./types";

const CONDITIONS: readonly Condition[] = ["HH", "H", "L", "LL", "ROC", "STATE", "RANGE", "BAD", "FROZEN", "MISSING", "DEVICE", "GATEWAY", "CENTER", "FAULT", "DEVIATION", "SPIKE", "DRIFT", "COUNTS", "DISCREPANCY", "EXPRESSION"];
const GATHERS = ["equipment", "hazard", "enterprise"] as const;
const NEW: Rule = { id: "", name: "", enabled: true, kind: "process", colour: "blue", gathers: "equipment", conditions: [], levels: [], signals: [], except_signals: [], of_hazard_source: false, standing_s: 0, count: 0, within_s: 0, basis: "" };

export function RulesTab() {
  const { t } = useI18n();
  const read = useVersions<Rule[]>("/warning-rules");
  return (
    <section className="card" aria-label={t("system.tab.rules")}>
      <Faces of={read} what={t("rules.what")}>{(versions) => <Rules key={versions.current.version} versions={versions} saved={read.reload} />}</Faces>
    </section>
  );
}

function Rules({ versions, saved }: { versions: Versions<Rule[]>; saved: () => void }) {
  const { t } = useI18n();
  const may = useMayEditSettings();
  const [rules, setRules] = useState<Rule[]>(versions.current.value);
  const [editing, setEditing] = useState<number | null>(null);
  const changed = JSON.stringify(rules) !== JSON.stringify(versions.current.value);
  return (
    <>
      <VersionLine of={versions.current} />
      <div className="rules-table">
        <table>
          <thead><tr><th>{t("rules.colour")}</th><th>{t("rules.name")}</th><th>{t("rules.kind")}</th><th>{t("rules.when")}</th><th>{t("rules.gathers")}</th><th>{t("rules.basis")}</th>{may ? <th /> : null}</tr></thead>
          <tbody>
            {rules.map((rule, i) => (
              <tr key={rule.id || i} className={rule.enabled ? "" : "off"}>
                <td><Pennant colour={rule.colour} size={16} /></td>
                <td>{rule.name}<br /><span className="m f12">{rule.id}</span></td>
                <td>{t(`warn.kind.${rule.kind}`)}</td>
                <td>{whenOf(rule, t)}</td>
                <td>{t(`rules.gathers.${rule.gathers}`)}</td>
                <td className="m f12">{rule.basis}</td>
                {may ? <td><span className="row g6"><button type="button" className="btn sm" onClick={() => setEditing(i)}>{t("rules.edit")}</button><button type="button" className="btn sm" onClick={() => setRules(rules.filter((_, n) => n !== i))}>{t("rules.remove")}</button></span></td> : null}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {may ? <div className="rules-foot"><button type="button" className="btn" onClick={() => setEditing(rules.length)}>{t("rules.add")}</button></div> : null}
      <SaveBar changed={changed} cancel={() => setRules(versions.current.value)} save={async (reason) => { await saveRules(versions.current.version, reason, rules); saved(); }} />
      <Earlier of={versions} />
      {editing !== null ? <RuleDialog rule={rules[editing] ?? NEW} isNew={editing >= rules.length} close={() => setEditing(null)} done={(rule) => { setRules(editing >= rules.length ? [...rules, rule] : rules.map((r, n) => (n === editing ? rule : r))); setEditing(null); }} /> : null}
    </>
  );
}

/** What a rule asks for, in words. */
export function whenOf(rule: Rule, t: Translate): string {
  const parts = [
    rule.levels.length ? rule.levels.map((l) => t(`level.${l as 1}`)).join("、") : null,
    rule.conditions.length ? rule.conditions.map((c) => t(`alarms.condition.${c}`)).join("、") : null,
    rule.signals.length ? rule.signals.map((s) => (s.endsWith("_") ? `${s}*` : s)).join("、") : null,
    rule.of_hazard_source ? t("rules.hazardOnly") : null,
    rule.standing_s > 0 ? t("rules.whenStanding", { s: duration(rule.standing_s * 1000) }) : null,
    rule.count > 1 ? t("rules.whenCount", { n: rule.count, s: duration(rule.within_s * 1000) }) : null,
  ].filter(Boolean);
  return parts.length ? parts.join("；") : t("rules.any");
}

function RuleDialog({ rule, isNew, close, done }: { rule: Rule; isNew: boolean; close: () => void; done: (rule: Rule) => void }) {
  const { t } = useI18n();
  const [form] = Form.useForm<Rule>();
  const required = [{ required: true, message: t("form.required") }];
  const list = <T extends string>(values: readonly T[], label: (value: T) => string) => values.map((value) => ({ value, label: label(value) }));
  return (
    <Modal open title={rule.name || t("rules.add")} okText={t("rules.take")} cancelText={t("dialog.cancel")} onCancel={close} onOk={() => form.submit()} width={640} destroyOnHidden>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={rule} onFinish={(draft) => done({ ...rule, ...draft, standing_s: draft.standing_s ?? 0, count: draft.count ?? 0, within_s: draft.within_s ?? 0 })}>
        <div className="form-grid">
          <Form.Item name="id" label="ID" rules={required}><Input disabled={!isNew} maxLength={40} /></Form.Item>
          <Form.Item name="name" label={t("rules.name")} rules={required}><Input maxLength={100} /></Form.Item>
          <Form.Item name="kind" label={t("rules.kind")}><Select options={list(KINDS, (k) => t(`warn.kind.${k}`))} /></Form.Item>
          <Form.Item name="colour" label={t("rules.colour")}><Select options={list(COLOURS, (c) => t(`warn.colour.${c}`))} /></Form.Item>
          <Form.Item name="gathers" label={t("rules.gathers")}><Select options={list(GATHERS, (g) => t(`rules.gathers.${g}`))} /></Form.Item>
          <Form.Item name="levels" label={t("rules.levels")}><Select mode="multiple" options={([1, 2, 3, 4] as const).map((l) => ({ value: l, label: t(`level.${l}`) }))} placeholder={t("rules.any")} /></Form.Item>
        </div>
        <Form.Item name="conditions" label={t("rules.conditions")}><Select mode="multiple" options={list(CONDITIONS, (c) => t(`alarms.condition.${c}`))} placeholder={t("rules.any")} /></Form.Item>
        <div className="form-grid">
          <Form.Item name="signals" label={t("rules.signals")}><Select mode="tags" placeholder={t("rules.any")} /></Form.Item>
          <Form.Item name="except_signals" label={t("rules.except")}><Select mode="tags" /></Form.Item>
          <Form.Item name="standing_s" label={t("rules.standing")}><InputNumber min={0} max={86_400} precision={0} /></Form.Item>
          <Form.Item name="count" label={t("rules.count")}><InputNumber min={0} max={1000} precision={0} /></Form.Item>
          <Form.Item name="within_s" label={t("rules.within")}><InputNumber min={0} max={86_400} precision={0} /></Form.Item>
        </div>
        <Form.Item name="basis" label={t("rules.basis")}><Input.TextArea autoSize={{ minRows: 1, maxRows: 4 }} maxLength={500} /></Form.Item>
        <Form.Item name="of_hazard_source" valuePropName="checked" noStyle><Checkbox>{t("rules.hazardOnly")}</Checkbox></Form.Item>
        <Form.Item name="enabled" valuePropName="checked" noStyle><Checkbox>{t("rules.enabled")}</Checkbox></Form.Item>
      </Form>
    </Modal>
  );
}
