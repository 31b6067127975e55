/**
 * A roster as it is edited. A cycle is a grid, days down and shifts across, whose cells hold names of teams; what comes from the center is
 * turned into it and back without loss.
 */
import type { Day, DutyRole, Member, Place, PlanBody, Rotation, Shift, UnitDetail } from "./types";

/** Teams by shift, a text a cell: `甲` or `甲,乙`. */
export type CycleRow = Record<string, string>;
export type RotationDraft = { role: DutyRole; anchor: string; days: CycleRow[]; rest: CycleRow[] | null };
export type MemberDraft = { username: string; role: DutyRole; team: string };
export type Draft = { version: number; offset: number; shifts: Shift[]; staff: MemberDraft[]; rotations: RotationDraft[]; days: Day[] };

const rowOf = (places: readonly Place[]): CycleRow => {
  const row: CycleRow = {};
  for (const { shift, team } of places) row[shift] = row[shift] ? `${row[shift]},${team}` : team;
  return row;
};

/** Cells in the order of the shifts. What stands in a cell of a shift that was deleted is gone with it. */
const placesOf = (row: CycleRow, shifts: readonly Shift[]): Place[] =>
  shifts.flatMap(({ code }) => (row[code] ?? "").split(/[,，、\s]+/).filter(Boolean).map((team) => ({ shift: code, team })));

const rotationDraft = (r: Rotation): RotationDraft => ({ role: r.role, anchor: r.anchor, days: r.days.map(rowOf), rest: r.rest_days?.map(rowOf) ?? null });
const memberDraft = (m: Member): MemberDraft => ({ username: m.username, role: m.role, team: m.team ?? "" });

export function draftOf(unit: UnitDetail): Draft {
  return {
    version: unit.version, offset: unit.utc_offset_min, shifts: unit.shifts.map((s) => ({ ...s, name: { ...s.name } })),
    staff: unit.staff.map(memberDraft), rotations: unit.rotations.map(rotationDraft), days: unit.days.map((d) => ({ ...d })),
  };
}

/** What is sent. Lines that were begun and left empty are not. */
export function bodyOf(draft: Draft): PlanBody {
  const shifts = draft.shifts.filter((s) => s.code || s.name.zh).map((s) => ({ ...s, code: s.code.trim(), name: { zh: s.name.zh.trim(), en: s.name.en.trim() } }));
  return {
    version: draft.version, utc_offset_min: draft.offset, shifts,
    staff: draft.staff.filter((m) => m.username).map((m) => ({ username: m.username, role: m.role, team: m.team.trim() || null })),
    rotations: draft.rotations.filter((r) => r.days.length > 0).map((r) => ({
      role: r.role, anchor: r.anchor, days: r.days.map((row) => placesOf(row, shifts)), rest_days: r.rest?.map((row) => placesOf(row, shifts)) ?? null,
    })),
    days: draft.days.filter((d) => d.date),
  };
}

export type Preset = "two" | "four" | "around" | "office";
export const PRESETS: readonly Preset[] = ["two", "four", "around", "office"];

const shift = (code: string, zh: string, en: string, from: string, to: string): Shift => ({ code, name: { zh, en }, from, to });
const FORM: Record<Preset, { shifts: Shift[]; days: CycleRow[]; rest: CycleRow[] | null }> = {
  // 白白夜夜休休 for three teams.
  two: {
    shifts: [shift("day", "白班", "Day", "08:00", "20:00"), shift("night", "夜班", "Night", "20:00", "08:00")],
    days: ["甲丙", "甲丙", "乙甲", "乙甲", "丙乙", "丙乙"].map((teams) => ({ day: teams[0] ?? "", night: teams[1] ?? "" })),
    rest: null,
  },
  // 早早中中晚晚休休.
  four: {
    shifts: [shift("early", "早班", "Morning", "00:00", "08:00"), shift("mid", "中班", "Day", "08:00", "16:00"), shift("late", "晚班", "Evening", "16:00", "00:00")],
    days: ["甲丁丙", "甲丁丙", "乙甲丁", "乙甲丁", "丙乙甲", "丙乙甲", "丁丙乙", "丁丙乙"].map((teams) => ({ early: teams[0] ?? "", mid: teams[1] ?? "", late: teams[2] ?? "" })),
    rest: null,
  },
  around: { shifts: [shift("all", "全天", "24 h", "08:30", "08:30")], days: ["甲", "乙", "丙"].map((all) => ({ all })), rest: null },
  office: {
    shifts: [shift("office", "白班", "Office", "08:30", "17:30"), shift("all", "全天", "24 h", "08:30", "08:30")],
    days: [{ office: "甲" }],
    rest: ["甲", "乙", "丙"].map((all) => ({ all })),
  },
};

/** A role's rotation from a template, with those of its shifts that the unit has not. A shift of the same code stays as it is. */
export function withPreset(draft: Draft, role: DutyRole, preset: Preset, anchor: string): Draft {
  const form = FORM[preset];
  const missing = form.shifts.filter((s) => !draft.shifts.some((own) => own.code === s.code));
  const rotation: RotationDraft = { role, anchor, days: form.days.map((row) => ({ ...row })), rest: form.rest?.map((row) => ({ ...row })) ?? null };
  const at = draft.rotations.findIndex((r) => r.role === role);
  const rotations = at < 0 ? [...draft.rotations, rotation] : draft.rotations.map((r, i) => (i === at ? rotation : r));
  return { ...draft, shifts: [...draft.shifts, ...missing], rotations };
}
