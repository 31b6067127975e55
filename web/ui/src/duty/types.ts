/** Shapes of duty, after the description that the center gives of itself; its codes spelled out. */
import type { components } from "../api/generated";
import type { Name } from "../api/types";

type Generated = components["schemas"];
export type DutyRole = "duty_officer" | "leader" | "safety_officer" | "principal";
export const ROLES: readonly DutyRole[] = ["duty_officer", "leader", "safety_officer", "principal"];
export type Gap = "no_members" | "no_rotation" | "nobody_now";
export type UnitLevel = "province" | "city" | "county" | "park" | "enterprise";

export type DutyNow = Omit<Generated["DutyNow"], "role" | "gap"> & { role: DutyRole; gap: Gap | null };
export type Unit = Omit<Generated["UnitBody"], "level" | "now" | "name"> & { level: UnitLevel; now: DutyNow[]; name: Name };
export type Shift = { code: string; name: Name; from: string; to: string };
export type Member = Omit<Generated["MemberBody"], "role"> & { role: DutyRole };
export type Place = Generated["PlaceBody"];
export type Rotation = { role: DutyRole; anchor: string; days: Place[][]; rest_days: Place[][] | null };
export type Day = { date: string; kind: "rest" | "work"; name: string };
export type UnitDetail = Omit<Generated["UnitDetail"], keyof Unit | "shifts" | "staff" | "rotations" | "days" | "common_days" | "gaps"> & Unit & {
  shifts: Shift[]; staff: Member[]; rotations: Rotation[]; days: Day[]; common_days: Day[]; gaps: (Omit<Generated["GapBody"], "role"> & { role: DutyRole })[];
};
export type Duty = Omit<Generated["DutyBody"], "role"> & { role: DutyRole };
export type Contact = Required<Generated["ContactBody"]>;
export type PlanBody = Required<Generated["PlanInput"]>;
