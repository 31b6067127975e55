/** The frame of every page: top bar, stream state, rail (a bottom bar on the phone), and the keys that work everywhere. */
import "./shell.css";
import { useCallback, useState, type ReactNode } from "react";
import { Link, useLocation } from "react-router";
import { useI18n } from "../i18n";
import { useOpenAlarms } from "../live/hooks";
import { waitsForAnswer } from "../alarms/alarm";
import { useUser } from "../session/session";
import { useSound } from "../sound/SoundProvider";
import { useKeys } from "../ui/keys";
import { Symbol } from "../ui/Symbol";
import { KeyHelp } from "./KeyHelp";
import { LiveBar, SoundBar } from "./LiveBar";
import { routes, type Route } from "./routes";
import { TopBar } from "./TopBar";

export function Shell({ children }: { children: ReactNode }) {
  const { t } = useI18n();
  const { engine } = useSound();
  const [help, setHelp] = useState(false);
  const closeHelp = useCallback(() => setHelp(false), []);
  useKeys({
    "/": () => document.getElementById("search")?.focus(),
    "?": () => setHelp(true),
    Q: () => engine.mute(),
  });
  return (
    <div className="shell">
      <a className="skip" href="#content">{t("nav.skip")}</a>
      <TopBar />
      <div className="bars">
        <LiveBar />
        <SoundBar />
      </div>
      <Rail />
      <main id="content" className="content" tabIndex={-1}>{children}</main>
      <KeyHelp open={help} close={closeHelp} />
    </div>
  );
}

function Rail() {
  const { t } = useI18n();
  const user = useUser();
  const entries = routes.flatMap((r) => (r.nav && (!r.nav.roles || r.nav.roles.includes(user.role)) ? [r.nav] : []));
  return (
    <nav className="rail" aria-label={t("nav.label")}>
      {entries.map((nav) => <RailEntry key={nav.to} nav={nav} />)}
    </nav>
  );
}

function RailEntry({ nav }: { nav: NonNullable<Route["nav"]> }) {
  const { t } = useI18n();
  const { pathname } = useLocation();
  const current = pathname === nav.match || pathname.startsWith(`${nav.match}/`);
  return (
    <Link to={nav.to} className={current ? "on" : ""} aria-current={current ? "page" : undefined}>
      <Symbol name={nav.icon} size={22} />
      <span>{t(nav.label)}</span>
      {nav.to === "/alarms" ? <UnansweredBadge /> : null}
    </Link>
  );
}

/** How many alarms wait for an answer, in the colour of the gravest of them. */
function UnansweredBadge() {
  const { t } = useI18n();
  const waiting = [...useOpenAlarms().values()].filter(waitsForAnswer);
  if (waiting.length === 0) return null;
  const worst = Math.min(...waiting.map((a) => a.level));
  return (
    <em className={`badge b${worst}`}>
      {waiting.length > 99 ? "99+" : waiting.length}
      <span className="visually-hidden"> {t("alarms.unacknowledged")}</span>
    </em>
  );
}
