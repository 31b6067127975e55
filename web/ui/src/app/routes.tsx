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

const SystemPage = lazy(() => import("../system/SystemPage").then((m) => ({ default: m.SystemPage })));
const PlantPage = lazy(() => import("../plant/PlantPage").then((m) => ({ default: m.PlantPage })));

export const routes: readonly Route[] = [
  { path: "/map", page: MapPage, nav: { label: "nav.map", icon: "nv-map", to: "/map", match: "/map" } },
  { path: "/system/:tab?", page: SystemPage, nav: { label: "nav.system", icon: "nv-system", to: "/system/gateways", match: "/system" } },
  { path: "/plant/:code?/:kind?", page: PlantPage, nav: { label: "nav.admin", icon: "nv-danger", to: "/plant", match: "/plant", roles: ["administrator", "enterprise_manager"] } },
];
