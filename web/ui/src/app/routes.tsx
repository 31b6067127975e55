/**
 * Every page, in one table: its address, its part (a file of its own, loaded when first opened), and its place on the rail. A page is added
 * by adding a line here; who may not use it does not see it on the rail.
 */
import { lazy, type ComponentType } from "react";
import type { Role } from "../api/types";
import type { MessageKey } from "../i18n";

export type Route = {
  path: string;
  page: ComponentType;
  /** On the rail; pages without it are reached from others. `match` is the prefix under which the entry counts as current. */
  nav?: { label: MessageKey; icon: string; to: string; match: string; roles?: readonly Role[] };
};

const MapPage = lazy(() => import("../map/MapPage").then((m) => ({ default: m.MapPage })));
const AlarmsPage = lazy(() => import("../alarms/AlarmsPage").then((m) => ({ default: m.AlarmsPage })));
const EquipmentListPage = lazy(() => import("../equipment/EquipmentListPage").then((m) => ({ default: m.EquipmentListPage })));
const EquipmentPage = lazy(() => import("../equipment/EquipmentPage").then((m) => ({ default: m.EquipmentPage })));
const EnterpriseListPage = lazy(() => import("../enterprise/EnterpriseListPage").then((m) => ({ default: m.EnterpriseListPage })));
const EnterprisePage = lazy(() => import("../enterprise/EnterprisePage").then((m) => ({ default: m.EnterprisePage })));

const SystemPage = lazy(() => import("../system/SystemPage").then((m) => ({ default: m.SystemPage })));
const TesterPage = lazy(() => import("../tester/TesterPage").then((m) => ({ default: m.TesterPage })));
const PlantPage = lazy(() => import("../plant/PlantPage").then((m) => ({ default: m.PlantPage })));

export const routes: readonly Route[] = [
  { path: "/map", page: MapPage, nav: { label: "nav.map", icon: "nv-map", to: "/map", match: "/map" } },
  { path: "/alarms", page: AlarmsPage, nav: { label: "nav.alarms", icon: "nv-alarm", to: "/alarms", match: "/alarms" } },
  { path: "/equipment", page: EquipmentListPage, nav: { label: "nav.equipment", icon: "eq-tank", to: "/equipment", match: "/equipment" } },
  { path: "/equipment/:id", page: EquipmentPage },
  { path: "/enterprises", page: EnterpriseListPage, nav: { label: "nav.enterprises", icon: "eq-enterprise", to: "/enterprises", match: "/enterprises" } },
  { path: "/enterprises/:code", page: EnterprisePage },
  { path: "/system/:tab?", page: SystemPage, nav: { label: "nav.system", icon: "nv-system", to: "/system/gateways", match: "/system" } },
  { path: "/plant/:code?/:kind?", page: PlantPage, nav: { label: "nav.admin", icon: "nv-danger", to: "/plant", match: "/plant", roles: ["administrator", "enterprise_manager"] } },
  { path: "/tester", page: TesterPage, nav: { label: "nav.tester", icon: "ac-play", to: "/tester", match: "/tester", roles: ["tester"] } },
];
