/** Swaps and stand-ins of a unit: what is to come first, and for whoever keeps the roster, the forms to add one and take one back. */
import { Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { post, remove, withQuery } from "../api/client";
import { asApiError, useResource } from "../api/useResource";
import { get } from "../api/client";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useNeedsCenter } from "../live/hooks";
import { useNow } from "../ui/clock";
import { addDays, dayOf, instantOf, momentAt, startOf, weekdayName } from "./days";
import type { Duty, UnitDetail } from "./types";

type Props = { unit: UnitDetail; path: string; changed: () => void };

export function Exceptions({ unit, path, changed }: Props) {
  const { t, language } = useI18n();
  const now = useNow(10_000);
  const away = useNeedsCenter();
  const [adding, setAdding] = useState<"swap" | "standIn" | null>(null);
  const offset = unit.utc_offset_min;
  const name = (username: string): string => unit.staff.find((m) => m.username === username)?.name ?? username;
  const shift = (code: string | null | undefined): string => {
    const found = unit.shifts.find((s) => s.code === code);
    return found ? localName(found.name, language) : (code ?? "");
  };
  const today = dayOf(now, offset);
  const swaps = [...unit.swaps].sort((a, b) => b.date.localeCompare(a.date));
  const standIns = [...unit.stand_ins].sort((a, b) => b.from - a.from);
  return (
    <div className="duty-two">
      <section className="card" aria-label={t("duty.swaps")}>
        <div className="hd"><span className="grow">{t("duty.swaps")}</span>{unit.editable ? <button type="button" className="btn sm" disabled={away !== null || unit.rotations.length === 0} onClick={() => setAdding("swap")}>{t("duty.swap")}</button> : null}</div>
        <ul className="duty-lines">
          {swaps.length === 0 ? <li className="m">{t("duty.noSwaps")}</li> : swaps.map((s) => (
            <Line key={s.id} path={`/duty-swaps/${encodeURIComponent(s.id)}`} version={s.version} past={s.date < today && (s.back_date ?? "") < today} editable={unit.editable} changed={changed}>
              {t("duty.swapLine", { date: s.date.slice(5), shift: shift(s.shift), gives: name(s.gives), takes: name(s.takes) })}
              {s.back_date ? <span className="s"> · {t("duty.swapBack", { date: s.back_date.slice(5), shift: shift(s.back_shift) })}</span> : null}
              {s.note ? <span className="m"> · {s.note}</span> : null}
            </Line>
          ))}
        </ul>
      </section>
      <section className="card" aria-label={t("duty.standIns")}>
        <div className="hd"><span className="grow">{t("duty.standIns")}</span>{unit.editable ? <button type="button" className="btn sm" disabled={away !== null} onClick={() => setAdding("standIn")}>{t("duty.standIn")}</button> : null}</div>
        <ul className="duty-lines">
          {standIns.length === 0 ? <li className="m">{t("duty.noStandIns")}</li> : standIns.map((s) => (
            <Line key={s.id} path={`/duty-stand-ins/${encodeURIComponent(s.id)}`} version={s.version} past={s.until <= now} editable={unit.editable} changed={changed}>
              {t("duty.standInLine", { absent: name(s.absent), deputy: name(s.deputy), from: momentAt(s.from, offset), to: momentAt(s.until, offset, s.from) })}
              {s.note ? <span className="m"> · {s.note}</span> : null}
            </Line>
          ))}
        </ul>
      </section>
      {adding === "swap" ? <SwapForm unit={unit} path={path} close={() => setAdding(null)} saved={() => { setAdding(null); changed(); }} /> : null}
      {adding === "standIn" ? <StandInForm unit={unit} path={path} close={() => setAdding(null)} saved={() => { setAdding(null); changed(); }} /> : null}
    </div>
  );
}

function Line({ path, version, past, editable, changed, children }: { path: string; version: number; past: boolean; editable: boolean; changed: () => void; children: React.ReactNode }) {
  const { t } = useI18n();
  const away = useNeedsCenter();
  const [modal, holder] = Modal.useModal();
  const ask = (): void => {
    modal.confirm({
      title: t("duty.takeBackAsk"), okText: t("duty.takeBack"), cancelText: t("dialog.cancel"), icon: null,
      onOk: async () => {
        try {
          await remove<void>(withQuery(path, { version }));
        } catch (cause) {
          modal.error({ title: asApiError(cause).message, icon: null });
        }
        changed();
      },
    });
  };
  return (
    <li className={past ? "past" : ""}>
      <span className="grow">{children}</span>
      {past ? <span className="m f12">{t("duty.past")}</span> : editable ? <button type="button" className="btn txt sm" disabled={away !== null} onClick={ask}>{t("duty.takeBack")}</button> : null}
      {holder}
    </li>
  );
}

/** Sends a form, and says what the center refused at its field or below. */
function useSaving<D extends object>(path: string, saved: () => void) {
  const [form] = Form.useForm<D>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const save = async (body: unknown): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await post<UnitDetail>(path, body);
      saved();
    } catch (cause) {
      setProblem(asApiError(cause).message);
    } finally {
      setBusy(false);
    }
  };
  return { form, busy, problem, save };
}

const keyOf = (d: Duty): string => `${d.role}|${d.date}|${d.shift}`;

function SwapForm({ unit, path, close, saved }: { unit: UnitDetail; path: string; close: () => void; saved: () => void }) {
  const { t, language } = useI18n();
  const now = useNow(10_000);
  const today = dayOf(now, unit.utc_offset_min);
  const { form, busy, problem, save } = useSaving<{ slot: string; takes: string; back?: string; note?: string }>(`${path}/swaps`, saved);
  const [gives, setGives] = useState<string>();
  const takes = Form.useWatch("takes", form);
  const read = useResource(`${path}/coming/${today}`, (signal) => get<{ items: Duty[] }>(`${path}/shifts`, { from: startOf(today, unit.utc_offset_min), to: startOf(addDays(today, 45), unit.utc_offset_min) }, signal));
  const people = [...new Map(unit.staff.map((m) => [m.username, m.name]))].map(([value, label]) => ({ value, label }));
  const shift = (code: string): string => {
    const found = unit.shifts.find((s) => s.code === code);
    return found ? localName(found.name, language) : code;
  };
  const of = (who: string | undefined) => (read.data?.items ?? [])
    .filter((d) => who !== undefined && d.until > now && d.stretches.some((s) => s.people.some((p) => p.username === who)))
    .map((d) => ({ value: keyOf(d), label: `${d.date.slice(5)} ${weekdayName(d.date, language)} ${shift(d.shift)}${unit.rotations.length > 1 ? ` · ${t(`duty.role.${d.role}`)}` : ""}` }));
  const required = [{ required: true, message: t("form.required") }];
  return (
    <Modal open title={t("duty.swap")} okText={t("duty.save")} cancelText={t("dialog.cancel")} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(draft) => {
        const [role, date, code] = draft.slot.split("|");
        const [, backDate, backShift] = draft.back?.split("|") ?? [];
        void save({ role, date, shift: code, gives, takes: draft.takes, back_date: backDate ?? null, back_shift: backShift ?? null, note: draft.note ?? "" });
      }}>
        <Form.Item label={t("duty.gives")}><Select value={gives} options={people} aria-label={t("duty.gives")} onChange={(who: string) => { setGives(who); form.setFieldValue("slot", undefined); }} /></Form.Item>
        <Form.Item name="slot" label={t("duty.shift")} rules={required}><Select options={of(gives)} loading={read.loading} disabled={gives === undefined} /></Form.Item>
        <Form.Item name="takes" label={t("duty.takes")} rules={required}><Select options={people.filter((p) => p.value !== gives)} onChange={() => form.setFieldValue("back", undefined)} /></Form.Item>
        <Form.Item name="back" label={t("duty.backShift")}><Select allowClear options={of(takes)} disabled={!takes} /></Form.Item>
        <Form.Item name="note" label={t("duty.note")}><Input maxLength={200} /></Form.Item>
        {problem ? <p className="t2" role="alert">{problem}</p> : null}
      </Form>
    </Modal>
  );
}

function StandInForm({ unit, path, close, saved }: { unit: UnitDetail; path: string; close: () => void; saved: () => void }) {
  const { t } = useI18n();
  const { form, busy, problem, save } = useSaving<{ absent: string; deputy: string; from: string; until: string; note?: string }>(`${path}/stand-ins`, saved);
  const people = [...new Map(unit.staff.map((m) => [m.username, m.name]))].map(([value, label]) => ({ value, label }));
  const absent = Form.useWatch("absent", form);
  const required = [{ required: true, message: t("form.required") }];
  return (
    <Modal open title={t("duty.standIn")} okText={t("duty.save")} cancelText={t("dialog.cancel")} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(d) => void save({ absent: d.absent, deputy: d.deputy, from: instantOf(d.from, unit.utc_offset_min), until: instantOf(d.until, unit.utc_offset_min), note: d.note ?? "" })}>
        <Form.Item name="absent" label={t("duty.absent")} rules={required}><Select options={people} /></Form.Item>
        <Form.Item name="deputy" label={t("duty.deputy")} rules={required}><Select options={people.filter((p) => p.value !== absent)} /></Form.Item>
        <div className="record-pair">
          <Form.Item name="from" label={t("duty.from")} rules={required}><Input type="datetime-local" /></Form.Item>
          <Form.Item name="until" label={t("duty.to")} rules={required}><Input type="datetime-local" /></Form.Item>
        </div>
        <Form.Item name="note" label={t("duty.note")}><Input maxLength={200} /></Form.Item>
        {problem ? <p className="t2" role="alert">{problem}</p> : null}
      </Form>
    </Modal>
  );
}
