/** The state of the system itself, in tabs whose address is in the URL. A tab that a person may not use is not shown. */
import "./system.css";
import { NavLink, Navigate, useParams } from "react-router";
import type { Role } from "../api/types";
import { useI18n, type MessageKey } from "../i18n";
import { useUser } from "../session/session";
import { intoView } from "../ui/tabs";
import { ChannelsTab } from "../warnings/ChannelsTab";
import { LadderTab } from "../warnings/LadderTab";
import { RulesTab } from "../warnings/RulesTab";
import { AuditTab } from "./AuditTab";
import { DefaultsTab } from "./DefaultsTab";
import { GatewaysTab } from "./GatewaysTab";
import { HealthTab } from "./HealthTab";
import { QualityTab } from "./QualityTab";
import { TreeTab } from "./TreeTab";
import { UsersTab } from "./UsersTab";

type Tab = { path: string; label: MessageKey; part: () => React.JSX.Element; roles?: readonly Role[] };
const TABS: readonly Tab[] = [
  { path: "gateways", label: "system.tab.gateways", part: GatewaysTab },
  { path: "quality", label: "system.tab.quality", part: QualityTab },
  { path: "alarms", label: "system.tab.health", part: HealthTab },
  { path: "rules", label: "system.tab.rules", part: RulesTab },
  { path: "ladder", label: "system.tab.ladder", part: LadderTab },
  { path: "channels", label: "system.tab.channels", part: ChannelsTab, roles: ["administrator"] },
  { path: "tree", label: "system.tab.tree", part: TreeTab, roles: ["administrator", "officer"] },
  { path: "defaults", label: "system.tab.defaults", part: DefaultsTab, roles: ["administrator"] },
  { path: "users", label: "system.tab.users", part: UsersTab, roles: ["administrator"] },
  { path: "audit", label: "system.tab.audit", part: AuditTab, roles: ["administrator"] },
];

export function SystemPage() {
  const { t } = useI18n();
  const { role } = useUser();
  const { tab } = useParams();
  const tabs = TABS.filter((x) => !x.roles || x.roles.includes(role));
  const current = tabs.find((x) => x.path === tab);
  if (!current) return <Navigate to="/system/gateways" replace />;
  const Part = current.part;
  return (
    <div className="page system">
      <header className="row g12 system-head">
        <h1 className="page-title">{t("system.title")}</h1>
        <nav className="tabs" ref={intoView} aria-label={t("system.title")}>
          {tabs.map((x) => <NavLink key={x.path} to={`/system/${x.path}`}>{t(x.label)}</NavLink>)}
        </nav>
      </header>
      <Part />
    </div>
  );
}
