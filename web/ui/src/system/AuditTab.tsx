/** Who changed what, when and from where; sign-ins too. Newest first, more on demand. */
import { useEffect, useState } from "react";
import { get, type Page } from "../api/client";
import { asApiError, useResource } from "../api/useResource";
import { useI18n } from "../i18n";
import { Empty, Faces } from "../ui/faces";
import { clockTime, dayLabel } from "../ui/time";
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
  const { t, language } = useI18n();
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
  return (
    <div className="wide-table">
      <table className="plain">
        <thead><tr><th>{t("audit.at")}</th><th>{t("audit.who")}</th><th>{t("audit.action")}</th><th>{t("audit.object")}</th><th>{t("audit.detail")}</th><th>{t("audit.address")}</th></tr></thead>
        <tbody>
          {[...first.items, ...(older?.items ?? [])].map((row, i) => (
            <tr key={`${row.at}-${i}`}>
              <td className="nw">{clockTime(row.at)} <span className="m f12">{dayLabel(row.at, language)}</span></td>
              <td className="b nw">{row.who ?? "—"}</td><td className="nw">{row.action}</td><td>{row.object}</td><td className="s">{row.detail}</td><td className="m nw">{row.address}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {problem ? <p className="t2 face" role="alert">{problem}</p> : null}
      {next ? <div className="face"><button type="button" className="btn" onClick={more}>{t("list.more", { n: PAGE })}</button></div> : null}
    </div>
  );
}
