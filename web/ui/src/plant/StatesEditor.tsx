/** States of a discrete point: a number, its names, and which one of them is an alarm. What is wrong with them the center says. */
import { Checkbox, Input, InputNumber } from "antd";
import type { PointState } from "../api/types";
import { useI18n } from "../i18n";

export function StatesEditor({ value, onChange }: { value?: readonly PointState[]; onChange?: (states: PointState[]) => void }) {
  const { t } = useI18n();
  const states = value ?? [];
  const set = (at: number, change: Partial<PointState>): void => onChange?.(states.map((s, i) => (i === at ? { ...s, ...change } : s)));
  const add = (): void => onChange?.([...states, { value: states.reduce((most, s) => Math.max(most, s.value + 1), 0), name: { zh: "", en: "" }, alarm: false }]);
  return (
    <div className="col g8" role="group" aria-label={t("field.states")}>
      {states.map((state, at) => (
        <div key={at} className="row g8" role="group" aria-label={t("states.one", { n: state.value })}>
          <InputNumber style={{ width: 56, flex: "none" }} precision={0} value={state.value} onChange={(v) => v !== null && set(at, { value: v })} aria-label={t("states.value")} />
          <Input value={state.name.zh} onChange={(e) => set(at, { name: { ...state.name, zh: e.target.value } })} placeholder={t("field.name_zh")} aria-label={t("field.name_zh")} />
          <Input value={state.name.en} onChange={(e) => set(at, { name: { ...state.name, en: e.target.value } })} placeholder={t("field.name_en")} aria-label={t("field.name_en")} />
          <Checkbox className="nw" checked={state.alarm} onChange={(e) => set(at, { alarm: e.target.checked })}>{t("states.alarm")}</Checkbox>
          <button type="button" className="btn txt sm" onClick={() => onChange?.(states.filter((_, i) => i !== at))}>{t("states.remove")}</button>
        </div>
      ))}
      <div><button type="button" className="btn sm" onClick={add}>{t("states.add")}</button></div>
    </div>
  );
}
