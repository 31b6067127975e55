/**
 * Every page, in one table: its address, its part (a file of its own, loaded when first opened), and its place on the rail. A page is added
 * by adding a line here; who may not use it does not see it on the rail.
 */
import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { Role } from "../api/types";
import type { MessageKey } from "../i18n";
import { persistent } from "./persistent";

export type Route = {
  path: string;
  page: ComponentType;
  /** On the rail; pages without it are reached from others. `match` is the prefix under which the entry counts as current. */
  nav?: { label: MessageKey; icon: string; to: string; match: string; roles?: readonly Role[] };
};

const loaders: (() => Promise<unknown>)[] = [];
function page(load: () => Promise<ComponentType>): LazyExoticComponent<ComponentType> {
  loaders.push(load);
  return lazy(() => persistent(load).then((part) => ({ default: part })));
}

/** Fetches the parts of every page ahead, so that a screen that loses the center keeps all of its pages. */
export function fetchPages(): void {
  for (const load of loaders) load().catch(() => undefined);
}

const MapPage = page(() => import("../map/MapPage").then((m) => m.MapPage));
const AlarmsPage = page(() => import("../alarms/AlarmsPage").then((m) => m.AlarmsPage));
const WarningsPage = page(() => import("../warnings/WarningsPage").then((m) => m.WarningsPage));
const HandOverPage = page(() => import("../handover/HandOverPage").then((m) => m.HandOverPage));
const EquipmentListPage = page(() => import("../equipment/EquipmentListPage").then((m) => m.EquipmentListPage));
const EquipmentPage = page(() => import("../equipment/EquipmentPage").then((m) => m.EquipmentPage));
const EnterpriseListPage = page(() => import("../enterprise/EnterpriseListPage").then((m) => m.EnterpriseListPage));
const EnterprisePage = page(() => import("../enterprise/EnterprisePage").then((m) => m.EnterprisePage));

const DutyPage = page(() => import("../duty/DutyPage").then((m) => m.DutyPage));
const SystemPage = page(() => import("../system/SystemPage").then((m) => m.SystemPage));
const TesterPage = page(() => import("../tester/TesterPage").then((m) => m.TesterPage));
const PlantPage = page(() => import("../plant/PlantPage").then((m) => m.PlantPage));

export const routes: readonly Route[] = [
  { path: "/map", page: MapPage, nav: { label: "nav.map", icon: "nv-map", to: "/map", match: "/map" } },
  { path: "/alarms", page: AlarmsPage, nav: { label: "nav.alarms", icon: "nv-alarm", to: "/alarms", match: "/alarms" } },
  { path: "/warnings/:no?", page: WarningsPage, nav: { label: "nav.warnings", icon: "nv-risk", to: "/warnings", match: "/warnings" } },
  { path: "/hand-over", page: HandOverPage },
  { path: "/equipment", page: EquipmentListPage, nav: { label: "nav.equipment", icon: "eq-tank", to: "/equipment", match: "/equipment" } },
  { path: "/equipment/:id", page: EquipmentPage },
  { path: "/enterprises", page: EnterpriseListPage, nav: { label: "nav.enterprises", icon: "eq-enterprise", to: "/enterprises", match: "/enterprises" } },
  { path: "/enterprises/:code", page: EnterprisePage },
  { path: "/duty/:id?", page: DutyPage, nav: { label: "nav.duty", icon: "ac-handover", to: "/duty", match: "/duty" } },
  { path: "/system/:tab?", page: SystemPage, nav: { label: "nav.system", icon: "nv-system", to: "/system/gateways", match: "/system" } },
  { path: "/plant/:code?/:kind?", page: PlantPage, nav: { label: "nav.admin", icon: "nv-danger", to: "/plant", match: "/plant", roles: ["administrator", "enterprise_manager"] } },
  { path: "/tester", page: TesterPage, nav: { label: "nav.tester", icon: "ac-play", to: "/tester", match: "/tester", roles: ["tester"] } },
];
