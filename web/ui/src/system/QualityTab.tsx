/** Online rate, completeness and share of bad data per enterprise and point, the worst first: what is fed back to the enterprise. */
import { Fragment, useState } from "react";
import { tagOf } from "../alarms/alarm";
import { getAll } from "../api/client";
import type { QualityRow } from "../api/types";
import { useResource } from "../api/useResource";
import { shareOf, worst } from "../enterprise/quality";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { now } from "../ui/clock";
import { Empty, Faces } from "../ui/faces";
import { formatCount } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import type { EnterpriseQuality } from "./types";

const DAY = 86_400_000;
/** Days are the plant's, wherever the page is looked at: China has one time, eight hours ahead of UTC. */
const PLANT_OFFSET = 8 * 3_600_000;

export function plantMidnight(at: number): number {
  return Math.floor((at + PLANT_OFFSET) / DAY) * DAY - PLANT_OFFSET;
}

export function QualityTab() {
  const { t } = useI18n();
  const [days, setDays] = useState<1 | 7>(1);
  const read = useResource(`quality/${days}`, (signal) => {
    const to = now();
    const midnight = plantMidnight(to);
    return getAll<EnterpriseQuality>("/quality", { from: days === 1 ? midnight : midnight - 6 * DAY, to }, undefined, signal);
  }, 60_000);
  return (
    <section className="card" aria-label={t("system.tab.quality")}>
      <div className="toolbar">
        <span className="seg" role="group" aria-label={t("quality.period")}>
          {([1, 7] as const).map((d) => <button key={d} type="button" aria-pressed={days === d} onClick={() => setDays(d)}>{t(d === 1 ? "quality.day" : "quality.week")}</button>)}
        </span>
        <span className="m">{t("quality.worst")}</span>
      </div>
      <Faces of={read} what={t("quality.what")}>
        {(rows) => rows.length === 0 ? <Empty>{t("quality.none")}</Empty> : (
          <div className="wide-table">
            <table className="plain">
              <thead>
                <tr>
                  <th>{t("gateway.enterprise")}</th><th className="num">{t("quality.online")}</th><th className="num">{t("quality.completeness")}</th><th className="num">{t("quality.badShare")}</th>
                  <th className="num">{t("quality.expected")}</th><th className="num">{t("quality.received")}</th><th className="num">{t("quality.badCount")}</th>
                </tr>
              </thead>
              <tbody>{[...rows].sort(worst).map((row) => <EnterpriseRow key={row.enterprise} row={row} />)}</tbody>
            </table>
          </div>
        )}
      </Faces>
    </section>
  );
}

function Figures({ row }: { row: QualityRow }) {
  const width = row.expected === 0 ? 0 : row.completeness * 100;
  return (
    <>
      <td className="num">{shareOf(row.expected, row.online)}</td>
      <td className="num"><span className="bar-cell"><i aria-hidden="true"><b style={{ width: `${width}%` }} /></i>{shareOf(row.expected, row.completeness)}</span></td>
      <td className="num">{shareOf(row.received, row.bad_share)}</td>
      <td className="num">{formatCount(row.expected)}</td><td className="num">{formatCount(row.received)}</td><td className="num">{formatCount(row.bad)}</td>
    </>
  );
}

function EnterpriseRow({ row }: { row: EnterpriseQuality }) {
  const { t, language } = useI18n();
  const [open, setOpen] = useState(false);
  return (
    <Fragment>
      <tr>
        <td className="nw">
          <button type="button" className="btn txt sm" aria-expanded={open} title={t(open ? "quality.hide" : "quality.show")} onClick={() => setOpen(!open)}>
            <Symbol name={open ? "ui-down" : "ui-right"} size={14} /><b>{localName(row.name, language)}</b>
          </button>
        </td>
        <Figures row={row} />
      </tr>
      {open ? [...row.points].sort(worst).map((p) => (
        <tr key={p.id}><td className="ell" style={{ paddingLeft: 44 }}>{tagOf(p.id)} <span className="m">{localName(p.name, language)}</span></td><Figures row={p} /></tr>
      )) : null}
    </Fragment>
  );
}
