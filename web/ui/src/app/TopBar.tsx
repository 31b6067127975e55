/** The top bar: where one is, search, what stands, sound, how live the screen is, the time, the person. */
import { Dropdown, type MenuProps } from "antd";
import { useLayoutEffect, useRef } from "react";
import { Link, useLocation, useNavigate, useSearchParams } from "react-router";
import type { Level, Region, User } from "../api/types";
import { countByLevel } from "../alarms/alarm";
import { regionPath, seesRegion, useDirectory } from "../enterprise/directory";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { useConnection, useOpenAlarms } from "../live/hooks";
import { useSession, useUser } from "../session/session";
import { voiceFor } from "../sound/engine";
import { useSound } from "../sound/SoundProvider";
import { useNow } from "../ui/clock";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import { age, clockTime, dayLabel, duration } from "../ui/time";
import { shortNames, useCrumbs, type Crumb } from "./crumbs";
import { Search } from "./Search";
import { useTheme } from "./theme";

export function TopBar() {
  const { t } = useI18n();
  return (
    <header className="top">
      <Link to="/map" className="brand" aria-label={t("app.name")}>
        <Symbol name="logo" size={24} className="logo" />
        <span>安澜</span>
      </Link>
      <Trail />
      <Search />
      <span className="grow" />
      <Tally />
      <SoundButton />
      <span className="sep" />
      <LiveAge />
      <span className="sep wide" />
      <Clock />
      <span className="sep wide" />
      <Person />
    </header>
  );
}

function Trail() {
  const { language } = useI18n();
  const { regions, home } = useDirectory();
  const { crumbs } = useCrumbs();
  const [params] = useSearchParams();
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const user = useUser();
  const here = params.get("region") ?? home;
  const path = regionPath(regions, here);
  const keepsRegion = pathname === "/map" || pathname === "/alarms" || pathname === "/equipment" || pathname === "/enterprises";
  const to = (region: Region): string => `${keepsRegion ? pathname : "/map"}?region=${encodeURIComponent(region.code)}`;
  const names = shortNames(path.map((r) => localName(r.name, language)));
  const below = [...regions.values()].filter((r) => r.parent === here);
  const trail = crumbs ?? path.map((r, i) => ({ label: names[i] ?? "", full: localName(r.name, language), to: seesRegion(user, regions, r.code) ? to(r) : null }));
  const next = crumbs ? [] : below.map((r) => ({ key: r.code, label: localName(r.name, language), onClick: () => void navigate(to(r)) }));
  return <CrumbRow trail={trail} below={next} />;
}

/** Crumbs are shown whole or not at all: where room is short the outermost go first, into the menu behind the dots. */
function CrumbRow({ trail, below }: { trail: readonly Crumb[]; below: MenuProps["items"] & object[] }) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const row = useRef<HTMLElement>(null);
  const key = JSON.stringify(trail);
  useLayoutEffect(() => {
    const nav = row.current;
    if (!nav) return;
    const fit = (): void => {
      const crumbs = [...nav.querySelectorAll<HTMLElement>(".crumb")];
      const dots = nav.querySelector<HTMLElement>(".crumb-dots");
      const hide = (n: number): void => {
        crumbs.forEach((c, i) => (c.hidden = i < n));
        if (dots) dots.hidden = n === 0;
        nav.classList.toggle("tight", n >= crumbs.length - 1);
      };
      let n = 0;
      for (hide(0); n < crumbs.length - 1 && nav.scrollWidth > nav.clientWidth + 1; hide(++n));
    };
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(nav);
    if (nav.parentElement) observer.observe(nav.parentElement);
    void document.fonts.ready.then(fit);
    return () => observer.disconnect();
  }, [key]);
  const last = trail.at(-1);
  const items = trail.slice(0, -1).map((c, i) => ({ key: String(i), label: c.full ?? c.label, disabled: c.to === null, onClick: () => c.to !== null && void navigate(c.to) }));
  return (
    <nav className="crumbs" aria-label={t("top.region")} ref={row}>
      {items.length > 0 ? (
        <span className="row g6 crumb-dots" hidden>
          <Dropdown trigger={["click"]} menu={{ items }}>
            <button type="button" className="crumb-menu" aria-label={t("top.upwards")} title={t("top.upwards")}><Symbol name="ui-more" size={16} /></button>
          </Dropdown>
          <Symbol name="ui-right" size={12} className="between" />
        </span>
      ) : null}
      {trail.slice(0, -1).map((c, i) => (
        <span key={i} className="row g6 crumb" title={c.full ?? c.label}>
          {c.to ? <Link to={c.to}>{c.label}</Link> : <span>{c.label}</span>}
          <Symbol name="ui-right" size={12} className="between" />
        </span>
      ))}
      {last ? (
        <span className="row crumb" title={last.full ?? last.label}>
          {below.length > 0 ? (
            <Dropdown trigger={["click"]} menu={{ items: below }}>
              <button type="button" className="crumb-menu">
                <b className="ell">{last.label}</b>
                <Symbol name="ui-down" size={12} />
              </button>
            </Dropdown>
          ) : <b className="ell" aria-current="page">{last.label}</b>}
        </span>
      ) : null}
    </nav>
  );
}

const LEVELS: readonly Level[] = [1, 2, 3, 4];

function Tally() {
  const { t } = useI18n();
  const counts = countByLevel(useOpenAlarms().values());
  return (
    <nav className="tally" aria-label={t("top.counts")}>
      {LEVELS.map((level) => {
        const n = counts[level - 1] ?? 0;
        return (
          <Link key={level} to={`/alarms?level=${level}`} aria-label={t("top.count", { level: t(`level.alarm.${level}`), n })} className={n === 0 ? "zero" : ""}>
            <LevelSymbol level={level} quiet />
            {n}
          </Link>
        );
      })}
    </nav>
  );
}

function SoundButton() {
  const { t, language } = useI18n();
  const { engine, state } = useSound();
  const now = useNow(1000);
  const voice = voiceFor(language) !== null;
  const muted = state.mutedUntil !== null;
  const text = muted ? t("sound.muted", { left: duration((state.mutedUntil ?? now) - Date.now()) }) : t(state.enabled ? "sound.on" : "sound.off");
  const items: MenuProps["items"] = [
    muted ? { key: "unmute", label: t("sound.unmute"), onClick: () => engine.unmute() } : { key: "mute", label: t("sound.mute"), onClick: () => engine.mute() },
    ...(engine.mayBeOff ? [{ key: "toggle", label: t(state.enabled ? "sound.turnOff" : "sound.turnOn"), onClick: () => engine.setEnabled(!state.enabled) }] : [{ key: "rule", label: t("sound.rule"), disabled: true }]),
    voice ? { key: "spoken", label: t(state.spoken ? "sound.spokenOff" : "sound.spokenOn"), onClick: () => engine.setSpoken(!state.spoken) } : { key: "spoken", label: t("sound.noVoice"), disabled: true },
  ];
  return (
    <Dropdown trigger={["click"]} menu={{ items }}>
      <button type="button" className="top-button" aria-label={`${t("sound.label")}: ${text}`}>
        <Symbol name={muted || !state.enabled ? "ui-mute" : "ui-sound"} size={18} />
        <span className={muted ? "" : "wide"}>{text}</span>
      </button>
    </Dropdown>
  );
}

function LiveAge() {
  const { t } = useI18n();
  const state = useConnection();
  const now = useNow(200);
  const text =
    state.phase === "live" ? t("live.live", { age: age(now - state.lastAt) })
    : state.phase === "connecting" || state.lastAt === null ? t("live.connecting")
    : t("live.lost", { age: age(now - state.lastAt) });
  return (
    <span className="live" data-phase={state.phase} aria-label={`${t("live.label")}: ${text}`} role="status" aria-live="off">
      <i className={state.phase === "live" ? "dot" : "dot hollow"} aria-hidden="true" />
      <span className="wide">{text}</span>
    </span>
  );
}

function Clock() {
  const { language } = useI18n();
  const now = useNow(1000);
  return (
    <span className="row g8 wide">
      <span className="m day">{dayLabel(now, language, now)}</span>
      <time className="clock">{clockTime(now)}</time>
    </span>
  );
}

/** What the person is here, in words: an officer's rung follows from the code of their region. */
export function roleKey(user: User): MessageKey {
  if (user.role !== "officer") return `role.${user.role}`;
  const code = user.scope.region;
  if (code === undefined) return "role.officer";
  if (code.length > 6) return "role.officer.park";
  if (code.endsWith("0000")) return "role.officer.province";
  return code.endsWith("00") ? "role.officer.city" : "role.officer.county";
}

function Person() {
  const { t, language, setLanguage } = useI18n();
  const { signOut } = useSession();
  const user = useUser();
  const { theme, setTheme } = useTheme();
  const items: MenuProps["items"] = [
    { key: "who", label: `${user.name} · ${t(roleKey(user))}`, disabled: true },
    { key: "theme", label: `${t("top.theme")}: ${t(theme === "light" ? "top.themeDark" : "top.themeLight")}`, onClick: () => setTheme(theme === "light" ? "dark" : "light") },
    { key: "language", label: t("top.language"), onClick: () => setLanguage(language === "zh-CN" ? "en-US" : "zh-CN") },
    { type: "divider" },
    { key: "out", label: t("top.signOut"), onClick: () => void signOut() },
  ];
  return (
    <>
      <Dropdown trigger={["click"]} menu={{ items }}>
        <button type="button" className="top-button person" aria-label={`${t("top.user")}: ${user.name}, ${t(roleKey(user))}`}>
          <span className="initial" aria-hidden="true">{[...user.name][0]}</span>
          <span className="wide">{user.name} <span className="m">{t(roleKey(user))}</span></span>
        </button>
      </Dropdown>
      <button type="button" className="kbd language wide" onClick={() => setLanguage(language === "zh-CN" ? "en-US" : "zh-CN")} aria-label={t("top.language")} lang={language === "zh-CN" ? "en" : "zh"}>
        {language === "zh-CN" ? "EN" : "中"}
      </button>
    </>
  );
}
