/** The roster as a calendar: a week or a month beside each other on a desk, a list of days on a phone. */
import { useEffect, useMemo, useRef, useState } from "react";
import { get } from "../api/client";
import { useResource } from "../api/useResource";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useNow } from "../ui/clock";
import { Faces } from "../ui/faces";
import { Symbol } from "../ui/Symbol";
import { addDays, dayOf, hourMinuteAt, shownDays, startOf, step, weekdayName, weekdayOf } from "./days";
import type { Duty, UnitDetail } from "./types";

export function RosterGrid({ unit, path, round }: { unit: UnitDetail; path: string; round: number }) {
  const { t, language } = useI18n();
  const now = useNow(10_000);
  const offset = unit.utc_offset_min;
  const today = dayOf(now, offset);
  const [view, setView] = useState<"week" | "month">("week");
  const [at, setAt] = useState(today);
  const days = useMemo(() => shownDays(view, at), [view, at]);
  const [first = at, last = at] = [days[0], days.at(-1)];
  const read = useResource(`${path}/shifts/${first}/${last}`, (signal) =>
    get<{ items: Duty[] }>(`${path}/shifts`, { from: startOf(first, offset), to: startOf(addDays(last, 1), offset) }, signal));
  // What was changed on this page is read again, without the calendar going away meanwhile.
  const { reload } = read;
  const shown = useRef(round);
  useEffect(() => {
    if (shown.current !== round) reload();
    shown.current = round;
  }, [round, reload]);
  const label = view === "month" ? at.slice(0, 7) : `${first.slice(5)} – ${first.slice(0, 7) === last.slice(0, 7) ? last.slice(8) : last.slice(5)}`;
  return (
    <section className="card" aria-label={t("duty.roster")}>
      <div className="toolbar">
        <span className="seg" role="group" aria-label={t("duty.roster")}>
          {(["week", "month"] as const).map((v) => <button key={v} type="button" aria-pressed={view === v} onClick={() => setView(v)}>{t(`duty.${v}`)}</button>)}
        </span>
        <span className="row g4">
          <button type="button" className="btn icon" aria-label={t("duty.earlier")} onClick={() => setAt(step(view, at, -1))}><Symbol name="ui-left" /></button>
          <b className="nw duty-span">{label}</b>
          <button type="button" className="btn icon" aria-label={t("duty.later")} onClick={() => setAt(step(view, at, 1))}><Symbol name="ui-right" /></button>
        </span>
        <button type="button" className="btn" disabled={days.includes(today) && (view === "week" || at.slice(0, 7) === today.slice(0, 7))} onClick={() => setAt(today)}>{t("duty.today")}</button>
      </div>
      <Faces of={read} what={t("duty.what")}>
        {({ items }) => (
          <ol className={`duty-days ${view} ${days.includes(today) ? "has-today" : ""}`}>
            {days.map((day) => {
              const duties = items.filter((d) => d.date === day);
              const outside = view === "month" && day.slice(0, 7) !== at.slice(0, 7);
              return (
                <li key={day} className={[day === today ? "today" : "", outside ? "outside" : "", day < today ? "past" : ""].join(" ")}>
                  <header>
                    <b>{day.slice(8)}</b> <span className="m">{weekdayName(day, language)}</span>
                    <DayMark day={day} unit={unit} />
                  </header>
                  {duties.length === 0 ? <p className="m">{t("duty.noDuty")}</p> : duties.map((d, i) => <DutyLine key={i} duty={d} unit={unit} now={now} several={unit.rotations.length > 1} />)}
                </li>
              );
            })}
          </ol>
        )}
      </Faces>
    </section>
  );
}

/** A day that is not what its weekday says, by its name. */
function DayMark({ day, unit }: { day: string; unit: UnitDetail }) {
  const { t } = useI18n();
  const special = unit.days.find((d) => d.date === day) ?? unit.common_days.find((d) => d.date === day);
  if (special) return <span className={special.kind === "rest" ? "chip ca" : "chip"}>{special.name || t(special.kind === "rest" ? "duty.rest" : "duty.work")}</span>;
  return weekdayOf(day) >= 5 ? <span className="m f12">{t("duty.rest")}</span> : null;
}

function DutyLine({ duty, unit, now, several }: { duty: Duty; unit: UnitDetail; now: number; several: boolean }) {
  const { t, language } = useI18n();
  const shift = unit.shifts.find((s) => s.code === duty.shift);
  const name = shift ? localName(shift.name, language) : duty.shift;
  const current = duty.from <= now && now < duty.until;
  const time = (ms: number): string => hourMinuteAt(ms, unit.utc_offset_min);
  return (
    <div className={current ? "duty-line current" : "duty-line"} title={`${time(duty.from)}–${time(duty.until)} · ${duty.team}`}>
      <span className="m f12">{several ? `${t(`duty.role.${duty.role}`)} · ` : ""}{name}</span>
      {duty.stretches.map((s) => (
        <span key={s.from} className="duty-who">
          {s.people.length === 0 ? <span className="duty-gap">{t("duty.empty")}</span> : <b>{s.people.map((p) => p.name).join(" ")}</b>}
          {duty.stretches.length > 1 ? <span className="m f12 nw"> {time(s.from)}–{time(s.until)}</span> : null}
          {duty.changed && s.from === duty.from ? <span className="chip ol" title={t("duty.changedTitle")}>{t("duty.changed")}</span> : null}
        </span>
      ))}
      <span className="m f12 nw duty-times">{time(duty.from)}–{time(duty.until)} {duty.team}</span>
    </div>
  );
}
