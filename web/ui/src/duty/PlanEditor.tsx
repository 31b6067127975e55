/** The editor of a roster: shifts, members, rotations as a grid of days and shifts, days off; saved as one. */
import { Input, Modal, Select } from "antd";
import { useEffect, useState } from "react";
import { put } from "../api/client";
import { asApiError } from "../api/useResource";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useNeedsCenter } from "../live/hooks";
import { now } from "../ui/clock";
import { dayOf, offsetName } from "./days";
import { bodyOf, draftOf, PRESETS, withPreset, type CycleRow, type Draft, type Preset, type RotationDraft } from "./plan";
import { ROLES, type Day, type DutyRole, type Shift, type UnitDetail } from "./types";

const OFFSETS = Array.from({ length: 53 }, (_, i) => (i - 24) * 30);

export function PlanEditor({ unit, path, saved, reload }: { unit: UnitDetail; path: string; saved: () => void; reload: () => void }) {
  const { t } = useI18n();
  const away = useNeedsCenter();
  const [draft, setDraft] = useState<Draft>(() => draftOf(unit));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  // What somebody else saved meanwhile is shown at once where it was read after a refusal; a draft is not lost to the minutely reading.
  const [stale, setStale] = useState(false);
  useEffect(() => {
    if (stale && unit.version !== draft.version) {
      setDraft(draftOf(unit));
      setStale(false);
    }
  }, [stale, unit, draft.version]);
  const change = (part: Partial<Draft>): void => setDraft((d) => ({ ...d, ...part }));
  const save = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await put<UnitDetail>(path, bodyOf(draft));
      saved();
    } catch (cause) {
      const error = asApiError(cause);
      if (error.code === "changed_meanwhile") {
        setProblem(t("duty.changedMeanwhile"));
        setStale(true);
        reload();
      } else setProblem(error.message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="card duty-editor" aria-label={t("duty.edit")}>
      <Part title={t("duty.shifts")} aside={<label className="row g8"><span className="m">{t("duty.clock")}</span><Select value={draft.offset} options={OFFSETS.map((value) => ({ value, label: offsetName(value) }))} onChange={(offset: number) => change({ offset })} aria-label={t("duty.clock")} style={{ width: 112 }} /></label>}>
        <Shifts shifts={draft.shifts} change={(shifts) => change({ shifts })} />
      </Part>
      <Part title={t("duty.staff")} note={t("duty.staffHint")}><Staff unit={unit} draft={draft} change={change} /></Part>
      <Part title={t("duty.rotations")} note={t("duty.cellHint")}><Rotations draft={draft} set={setDraft} /></Part>
      <Part title={t("duty.days")}><Days days={draft.days} change={(days) => change({ days })} /></Part>
      <footer className="row g12">
        <span className="grow" role="alert">{problem ? <span className="t2">{problem}</span> : null}</span>
        <button type="button" className="btn pri" disabled={busy || away !== null} onClick={() => void save()}>{t(away ?? "duty.save")}</button>
      </footer>
    </section>
  );
}

function Part({ title, note, aside, children }: { title: string; note?: string; aside?: React.ReactNode; children: React.ReactNode }) {
  return (
    <div className="duty-part">
      <h3 className="row g12"><span>{title}</span>{note ? <span className="m f12">{note}</span> : null}<span className="grow" />{aside}</h3>
      {children}
    </div>
  );
}

/** A copy of a list with one line changed, or without it. */
const withLine = <T,>(list: readonly T[], at: number, line: Partial<T> | null): T[] => (line === null ? list.filter((_, i) => i !== at) : list.map((x, i) => (i === at ? { ...x, ...line } : x)));

function Remove({ onClick }: { onClick: () => void }) {
  const { t } = useI18n();
  return <button type="button" className="btn txt sm" onClick={onClick}>{t("duty.remove")}</button>;
}

function Shifts({ shifts, change }: { shifts: Shift[]; change: (shifts: Shift[]) => void }) {
  const { t } = useI18n();
  const set = (i: number, line: Partial<Shift> | null): void => change(withLine(shifts, i, line));
  return (
    <>
      {shifts.map((s, i) => (
        <div key={i} className="duty-line-form shift">
          <Input value={s.code} placeholder={t("duty.code")} aria-label={t("duty.code")} onChange={(e) => set(i, { code: e.target.value })} />
          <Input value={s.name.zh} placeholder={t("duty.nameZh")} aria-label={t("duty.nameZh")} onChange={(e) => set(i, { name: { ...s.name, zh: e.target.value } })} />
          <Input value={s.name.en} placeholder={t("duty.nameEn")} aria-label={t("duty.nameEn")} onChange={(e) => set(i, { name: { ...s.name, en: e.target.value } })} />
          <Input inputMode="numeric" placeholder="08:00" value={s.from} aria-label={t("duty.from")} onChange={(e) => set(i, { from: e.target.value })} />
          <Input inputMode="numeric" placeholder="20:00" value={s.to} aria-label={t("duty.to")} onChange={(e) => set(i, { to: e.target.value })} />
          <Remove onClick={() => set(i, null)} />
        </div>
      ))}
      <button type="button" className="btn sm" onClick={() => change([...shifts, { code: "", name: { zh: "", en: "" }, from: "08:00", to: "20:00" }])}>{t("duty.addShift")}</button>
    </>
  );
}

function Staff({ unit, draft, change }: { unit: UnitDetail; draft: Draft; change: (part: Partial<Draft>) => void }) {
  const { t } = useI18n();
  const known = new Map<string, string>([...unit.staff, ...unit.candidates].map((p) => [p.username, p.name]));
  const people = [...known].map(([value, name]) => ({ value, label: `${name} ${value}` }));
  const roles = ROLES.map((value) => ({ value, label: t(`duty.role.${value}`) }));
  const set = (i: number, line: Partial<Draft["staff"][number]> | null): void => change({ staff: withLine(draft.staff, i, line) });
  return (
    <>
      {draft.staff.map((m, i) => (
        <div key={i} className="duty-line-form member">
          <Select value={m.username || undefined} options={people} placeholder={t("duty.person")} aria-label={t("duty.person")} showSearch={{ optionFilterProp: "label" }} onChange={(username: string) => set(i, { username })} />
          <Select value={m.role} options={roles} aria-label={t("duty.role")} onChange={(role: DutyRole) => set(i, { role })} />
          <Input value={m.team} placeholder={t("duty.noTeam")} aria-label={t("duty.team")} onChange={(e) => set(i, { team: e.target.value })} />
          <Remove onClick={() => set(i, null)} />
        </div>
      ))}
      <button type="button" className="btn sm" onClick={() => change({ staff: [...draft.staff, { username: "", role: "duty_officer", team: "" }] })}>{t("duty.addMember")}</button>
    </>
  );
}

function Rotations({ draft, set }: { draft: Draft; set: (change: (draft: Draft) => Draft) => void }) {
  const { t } = useI18n();
  const [modal, holder] = Modal.useModal();
  const free = ROLES.filter((role) => !draft.rotations.some((r) => r.role === role));
  const today = dayOf(now(), draft.offset);
  const line = (i: number, part: Partial<RotationDraft> | null): void => set((d) => ({ ...d, rotations: withLine(d.rotations, i, part) }));
  const preset = (role: DutyRole, one: Preset): void => {
    modal.confirm({ title: t(`duty.preset.${one}`), content: t("duty.presetAsk"), okText: t("duty.preset"), cancelText: t("dialog.cancel"), icon: null, onOk: () => set((d) => withPreset(d, role, one, today)) });
  };
  return (
    <>
      {draft.rotations.map((r, i) => (
        <div key={r.role} className="duty-rotation">
          <div className="row g12 wrap">
            <b>{t(`duty.role.${r.role}`)}</b>
            <label className="row g8"><span className="m">{t("duty.anchor")}</span><Input type="date" value={r.anchor} onChange={(e) => line(i, { anchor: e.target.value })} style={{ width: 150 }} /></label>
            <span className="m">{t("duty.cycleLength", { n: r.days.length })}</span>
            <Select<Preset> value={null} placeholder={t("duty.preset")} aria-label={t("duty.preset")} options={PRESETS.map((value) => ({ value, label: t(`duty.preset.${value}`) }))} onChange={(one) => preset(r.role, one)} style={{ width: 220 }} />
            <label className="row g8"><input type="checkbox" checked={r.rest !== null} onChange={(e) => line(i, { rest: e.target.checked ? [{}] : null })} />{t("duty.restOwn")}</label>
            <span className="grow" />
            <Remove onClick={() => line(i, null)} />
          </div>
          <CycleGrid rows={r.days} shifts={draft.shifts} change={(days) => line(i, { days })} label={t("duty.cycle")} />
          {r.rest ? <CycleGrid rows={r.rest} shifts={draft.shifts} change={(rest) => line(i, { rest })} label={t("duty.restCycle")} /> : null}
        </div>
      ))}
      {free.length > 0 ? (
        <Select<DutyRole> value={null} placeholder={t("duty.addRotation")} aria-label={t("duty.addRotation")} options={free.map((value) => ({ value, label: t(`duty.role.${value}`) }))} style={{ width: 180 }}
          onChange={(role) => set((d) => ({ ...d, rotations: [...d.rotations, { role, anchor: today, days: [{}], rest: null }] }))} />
      ) : null}
      {holder}
    </>
  );
}

function CycleGrid({ rows, shifts, change, label }: { rows: CycleRow[]; shifts: Shift[]; change: (rows: CycleRow[]) => void; label: string }) {
  const { t, language } = useI18n();
  return (
    <div className="wide-table">
      <table className="plain duty-cycle" aria-label={label}>
        <thead><tr><th>{label}</th>{shifts.map((s, i) => <th key={i}>{localName(s.name, language) || s.code}</th>)}<th /></tr></thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              <td className="nw">{t("duty.cycleDay", { n: i + 1 })}</td>
              {shifts.map((s, n) => (
                <td key={n}><Input value={row[s.code] ?? ""} placeholder="—" aria-label={`${t("duty.cycleDay", { n: i + 1 })} ${s.code}`} onChange={(e) => change(rows.map((r, at) => (at === i ? { ...r, [s.code]: e.target.value } : r)))} /></td>
              ))}
              <td className="num">{rows.length > 1 ? <Remove onClick={() => change(rows.filter((_, at) => at !== i))} /> : null}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <button type="button" className="btn sm" onClick={() => change([...rows, {}])}>{t("duty.addDay")}</button>
    </div>
  );
}

/** Days that are not what their weekday says; also the form of those of every unit. */
export function Days({ days, change }: { days: Day[]; change: (days: Day[]) => void }) {
  const { t } = useI18n();
  const set = (i: number, line: Partial<Day> | null): void => change(withLine(days, i, line));
  const kinds = (["rest", "work"] as const).map((value) => ({ value, label: t(`duty.kind.${value}`) }));
  return (
    <>
      {days.map((d, i) => (
        <div key={i} className="duty-line-form day">
          <Input type="date" value={d.date} aria-label={t("duty.date")} onChange={(e) => set(i, { date: e.target.value })} />
          <Select value={d.kind} options={kinds} aria-label={t("duty.kind")} onChange={(kind: Day["kind"]) => set(i, { kind })} />
          <Input value={d.name} placeholder={t("duty.dayName")} aria-label={t("duty.dayName")} maxLength={200} onChange={(e) => set(i, { name: e.target.value })} />
          <Remove onClick={() => set(i, null)} />
        </div>
      ))}
      <button type="button" className="btn sm" onClick={() => change([...days, { date: "", kind: "rest", name: "" }])}>{t("duty.addDate")}</button>
    </>
  );
}
