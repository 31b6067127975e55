/** Who is on duty now, unit by unit, from the province down. Nobody on duty is said in words, with whom a message goes to then. */
import { useMemo, useState } from "react";
import { Link } from "react-router";
import { getAll } from "../api/client";
import { useResource } from "../api/useResource";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { useUser } from "../session/session";
import { Empty, Faces } from "../ui/faces";
import { listTime } from "../ui/time";
import { Symbol } from "../ui/Symbol";
import type { DutyNow, Unit } from "./types";

const LEVELS = ["province", "city", "county", "park", "enterprise"] as const;
export const unitPath = (id: string): string => `/duty/${encodeURIComponent(id)}`;

/** Whether a unit or one of those on duty is called like this. */
export function matches(unit: Unit, text: string): boolean {
  const names = [unit.name.zh, unit.name.en, unit.id, ...unit.now.flatMap((n) => n.people.flatMap((p) => [p.name, p.username]))];
  return names.some((name) => name.toLowerCase().includes(text.trim().toLowerCase()));
}

export function UnitList() {
  const { t } = useI18n();
  const user = useUser();
  const [text, setText] = useState("");
  const read = useResource("duty-units", (signal) => getAll<Unit>("/duty-units", {}, undefined, signal), 60_000);
  const { region, enterprise } = user.scope;
  const own = region !== undefined ? `region:${region}` : enterprise !== undefined ? `enterprise:${enterprise}` : null;
  const keeps = user.role === "officer" || user.role === "enterprise_manager";
  return (
    <section className="card" aria-label={t("duty.units")}>
      <div className="toolbar">
        <input className="field" type="search" placeholder={t("duty.search")} aria-label={t("duty.search")} value={text} onChange={(e) => setText(e.target.value)} />
      </div>
      <Faces of={read} what={t("duty.what")}>
        {(units) => (
          <>
            {own && keeps && !units.some((u) => u.id === own) ? <p className="duty-note"><Link className="btn sm" to={unitPath(own)}>{t("duty.create")}</Link></p> : null}
            <Units units={units} text={text} />
          </>
        )}
      </Faces>
    </section>
  );
}

function Units({ units, text }: { units: Unit[]; text: string }) {
  const { t, language } = useI18n();
  const shown = useMemo(
    () => units.filter((u) => matches(u, text)).sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || a.id.localeCompare(b.id)),
    [units, text],
  );
  if (units.length === 0) return <Empty>{t("duty.none")}</Empty>;
  if (shown.length === 0) return <Empty>{t("duty.noMatch")}</Empty>;
  return (
    <ul className="duty-units">
      {shown.map((unit) => (
        <li key={unit.id}>
          <div className="duty-unit">
            <span className="chip">{t(`duty.level.${unit.level}`)}</span>
            <Link className="b ell" to={unitPath(unit.id)}>{localName(unit.name, language) || unit.id}</Link>
            <span className="m">{t("duty.members", { n: unit.members })}</span>
          </div>
          <Roles now={unit.now} />
        </li>
      ))}
    </ul>
  );
}

/** Who is on duty in each role, with the number to call. */
export function Roles({ now }: { now: DutyNow[] }) {
  const { t } = useI18n();
  if (now.length === 0) return <p className="m">{t("duty.gap.no_members")}</p>;
  // People without shifts need no line of their own where somebody is on duty in another role.
  const lines = now.filter((n) => n.gap !== "no_rotation");
  if (lines.length === 0) return <Nobody gap="no_rotation" />;
  return (
    <dl className="duty-now">
      {lines.map((line) => (
        <div key={line.role}>
          <dt>{t(`duty.role.${line.role}`)}</dt>
          <dd>
            {line.people.map((p) => (
              <span key={p.username} className="duty-person">
                <b>{p.name}</b>
                {p.phones[0] ? <a className="nw" href={`tel:${p.phones[0]}`}><Symbol name="ac-call" size={14} /> {p.phones[0]}</a> : null}
              </span>
            ))}
            {line.gap ? <Nobody gap={line.gap} /> : null}
            {line.until !== null && line.until !== undefined ? <span className="m nw">{t("duty.until", { time: listTime(line.until) })}</span> : null}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Nobody({ gap }: { gap: NonNullable<DutyNow["gap"]> }) {
  const { t } = useI18n();
  return <span className="duty-gap" title={t("duty.fallback")}>{t(`duty.gap.${gap}` satisfies MessageKey)}</span>;
}
