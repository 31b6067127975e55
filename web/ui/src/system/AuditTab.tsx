/** Who changed what, when and from where; sign-ins too. Newest first, more on demand. */
import { useEffect, useState } from "react";
import { get, type Page } from "../api/client";
import { asApiError, useResource } from "../api/useResource";
import { Link } from "react-router";
import { useDirectory } from "../enterprise/directory";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { Empty, Faces } from "../ui/faces";
import { clockTime, dayLabel, exactTime } from "../ui/time";
import { actionWords, detailLines, objectOf } from "./audit";
import type { AuditRow } from "./types";

const PAGE = 100;

export function AuditTab() {
  const { t } = useI18n();
  const [text, setText] = useState("");
  const [q, setQ] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setQ(text.trim()), 300);
    return () => clearTimeout(timer);
  }, [text]);
  const read = useResource(`audit/${q}`, (signal) => get<Page<AuditRow>>("/audit", { q, limit: PAGE }, signal), 15_000);
  return (
    <section className="card" aria-label={t("system.tab.audit")}>
      <div className="toolbar"><input className="field grow" type="search" value={text} placeholder={t("audit.search")} aria-label={t("audit.search")} onChange={(e) => setText(e.target.value)} style={{ maxWidth: 360 }} /></div>
      <Faces of={read} what={t("audit.what")}>
        {(page) => page.items.length === 0 ? <Empty>{t("audit.none")}</Empty> : <Rows key={q} first={page} q={q} />}
      </Faces>
    </section>
  );
}

function Rows({ first, q }: { first: Page<AuditRow>; q: string }) {
  const { t } = useI18n();
  const [older, setOlder] = useState<Page<AuditRow> | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const next = (older ?? first).next_cursor;
  const more = (): void => {
    setProblem(null);
    get<Page<AuditRow>>("/audit", { q, limit: PAGE, cursor: next }).then(
      (page) => setOlder((before) => ({ items: [...(before?.items ?? []), ...page.items], next_cursor: page.next_cursor })),
      (cause: unknown) => setProblem(asApiError(cause).message),
    );
  };
  const rows = [...first.items, ...(older?.items ?? [])];
  return (
    <div className="wide-table">
      <table className="plain audit stacked">
        <thead><tr><th>{t("audit.at")}</th><th>{t("audit.who")}</th><th>{t("audit.action")}</th><th>{t("audit.object")}</th><th>{t("audit.detail")}</th><th>{t("audit.address")}</th></tr></thead>
        <tbody>{rows.map((row, i) => <AuditRowLine key={`${row.at}-${i}`} row={row} />)}</tbody>
      </table>
      {problem ? <p className="t2 face" role="alert">{problem}</p> : null}
      {next ? <div className="face"><button type="button" className="btn" onClick={more}>{t("list.more", { n: PAGE })}</button></div> : null}
    </div>
  );
}

function AuditRowLine({ row }: { row: AuditRow }) {
  const { t, language } = useI18n();
  const { enterprises } = useDirectory();
  const object = objectOf(row.object ?? "", t);
  const site = enterprises.get((row.object ?? "").split(" ").at(-1)?.split(".")[0] ?? "");
  const lines = detailLines(row, t);
  // An acknowledgement's comment, a reason: words of a person.
  const name = object.name === site?.code && site ? localName(site.name, language) : object.name;
  const byCommand = row.address === "local" && (row.who === "import" || row.who === "admin");
  return (
    <tr>
      <td className="nw"><time title={exactTime(row.at)}>{clockTime(row.at)}</time> <span className="m f12">{dayLabel(row.at, language)}</span></td>
      <td className="b nw">{byCommand ? t("audit.byCommand", { name: row.who ?? "" }) : (row.who ?? "—")}</td>
      <td className="nw">{actionWords(row.action, t)}</td>
      <td className="audit-object whole" title={row.object ?? ""}>
        <span className="m">{object.kind}</span> {object.to ? <Link to={object.to}>{name}</Link> : name}
        {site && name !== localName(site.name, language) ? <span className="m f12"> {localName(site.name, language)}</span> : null}
      </td>
      <td className="s audit-detail whole">
        {lines.length > 1 || lines[0]?.label ? <ul>{lines.map((line, i) => <li key={i}>{line.label ? <span className="m">{line.label} </span> : null}{line.words}</li>)}</ul> : lines[0]?.words}
      </td>
      <td className="m nw" data-label={t("audit.address")}>{row.address === "local" ? t("audit.local") : row.address}</td>
    </tr>
  );
}
