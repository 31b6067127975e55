import { describe, expect, it } from "vitest";
import { addDays, dayOf, instantOf, momentAt, offsetName, shownDays, startOf, step } from "./days";
import { bodyOf, draftOf, PRESETS, withPreset, type Draft } from "./plan";
import type { UnitDetail } from "./types";

const unit = {
  version: 3, utc_offset_min: 480,
  shifts: [{ code: "day", name: { zh: "白班", en: "Day" }, from: "08:00", to: "20:00" }, { code: "night", name: { zh: "夜班", en: "Night" }, from: "20:00", to: "08:00" }],
  staff: [{ username: "wang", name: "王", phones: [], email: null, role: "duty_officer", team: "甲" }, { username: "li", name: "李", phones: [], email: null, role: "leader", team: null }],
  rotations: [{ role: "duty_officer", anchor: "2026-11-23", days: [[{ shift: "day", team: "甲" }, { shift: "day", team: "乙" }, { shift: "night", team: "丙" }], []], rest_days: [[{ shift: "night", team: "甲" }]] }],
  days: [{ date: "2027-01-01", kind: "rest", name: "元旦" }],
} as unknown as UnitDetail;

describe("a roster as it is edited", () => {
  it("goes out as it came in", () => {
    const body = bodyOf(draftOf(unit));
    expect(body).toEqual({
      version: 3, utc_offset_min: 480, shifts: unit.shifts, rotations: unit.rotations, days: unit.days,
      staff: [{ username: "wang", role: "duty_officer", team: "甲" }, { username: "li", role: "leader", team: null }],
    });
  });
  it("leaves out lines that were begun, and cells of a shift that is gone", () => {
    const draft = draftOf(unit);
    draft.staff.push({ username: "", role: "leader", team: "甲" });
    draft.days.push({ date: "", kind: "rest", name: "" });
    draft.shifts = draft.shifts.slice(0, 1);
    const body = bodyOf(draft);
    expect(body.staff).toHaveLength(2);
    expect(body.days).toHaveLength(1);
    expect(body.rotations[0]?.days).toEqual([[{ shift: "day", team: "甲" }, { shift: "day", team: "乙" }], []]);
  });
  it("takes commas of both kinds between teams", () => {
    const draft: Draft = { ...draftOf(unit), rotations: [{ role: "leader", anchor: "2026-11-23", days: [{ day: "甲，乙 丙、丁" }], rest: null }] };
    expect(bodyOf(draft).rotations[0]?.days[0]?.map((p) => p.team)).toEqual(["甲", "乙", "丙", "丁"]);
  });
  it("every template names only shifts that it brings, and keeps those that are there", () => {
    for (const preset of PRESETS) {
      const empty: Draft = { version: 0, offset: 480, shifts: [], staff: [], rotations: [], days: [] };
      const made = withPreset(empty, "duty_officer", preset, "2026-11-23");
      const codes = new Set(made.shifts.map((s) => s.code));
      const rows = made.rotations.flatMap((r) => [...r.days, ...(r.rest ?? [])]);
      for (const row of rows) for (const code of Object.keys(row)) expect(codes.has(code), `${preset} ${code}`).toBe(true);
      const again = withPreset(made, "duty_officer", preset, "2026-11-24");
      expect([again.shifts.length, again.rotations.length]).toEqual([made.shifts.length, 1]);
    }
    const own = withPreset(draftOf(unit), "leader", "two", "2026-11-23");
    expect(own.shifts).toEqual(unit.shifts);
    expect(own.rotations).toHaveLength(2);
  });
  it("in four teams on three shifts each has two of every kind and two free days", () => {
    const { rotations } = withPreset({ version: 0, offset: 480, shifts: [], staff: [], rotations: [], days: [] }, "duty_officer", "four", "2026-11-23");
    for (const team of "甲乙丙丁") {
      const turns = rotations[0]?.days.map((row) => Object.entries(row).filter(([, t]) => t === team).map(([code]) => code).join());
      expect(turns?.filter((x) => x === "").length, team).toBe(2);
      for (const code of ["early", "mid", "late"]) expect(turns?.filter((x) => x === code).length, team + code).toBe(2);
    }
  });
});

describe("days by the clock of a unit", () => {
  it("begin at its midnight", () => {
    const midnight = Date.parse("2026-11-24T16:00:00Z");
    expect([dayOf(midnight, 480), dayOf(midnight - 1, 480), startOf("2026-11-25", 480)]).toEqual(["2026-11-25", "2026-11-24", midnight]);
    expect(instantOf("2026-11-25T00:00", 480)).toBe(midnight);
    expect(instantOf("2026-11-25", 480)).toBe(null);
    expect([momentAt(midnight, 480), momentAt(midnight, 480, midnight + 1)]).toEqual(["11-25 00:00", "00:00"]);
  });
  it("a week begins on Monday and a month shows its whole weeks", () => {
    expect(shownDays("week", "2026-11-29")[0]).toBe("2026-11-23");
    const month = shownDays("month", "2026-11-25");
    expect([month[0], month.at(-1), month.length]).toEqual(["2026-10-26", "2026-12-06", 42]);
    expect(shownDays("month", "2027-02-10")).toHaveLength(28);
    expect([step("month", "2026-12-31", 1), step("month", "2026-01-31", -1), step("week", "2026-12-30", 1)]).toEqual(["2027-01-01", "2025-12-01", "2027-01-06"]);
    expect(addDays("2028-02-28", 1)).toBe("2028-02-29");
  });
  it("offsets are written as people write them", () => expect([480, 330, -210].map(offsetName)).toEqual(["UTC+8", "UTC+5:30", "UTC-3:30"]));
});
