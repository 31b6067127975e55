/**
 * Warnings (预警): what alarms mean for people, in four colours, until somebody closes them. A list with filters beside one warning in full.
 * Filter and choice are in the address, so that a link in a message leads to the warning itself.
 */
import "./warnings.css";
import { useMemo, useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { get, type Page } from "../api/client";
import { useResource } from "../api/useResource";
import { useDirectory } from "../enterprise/directory";
import { useI18n, type MessageKey } from "../i18n";
import { useUser } from "../session/session";
import { useNow } from "../ui/clock";
import { Empty, Failed, Loading } from "../ui/faces";
import { useKeys } from "../ui/keys";
import { Symbol } from "../ui/Symbol";
import { duration, listTime } from "../ui/time";
import { DrillDialog } from "./DrillDialog";
import { Pennant } from "./Pennant";
import { COLOURS, KINDS, type Colour, type Counts, type Kind, type Warning } from "./types";
import { placeOf, titleOf } from "./warning";
import { WarningDetail } from "./WarningDetail";

type Tab = "open" | "unanswered" | "mine" | "closed";
const TABS: readonly Tab[] = ["open", "unanswered", "mine", "closed"];
/** How often the list is read again. */
const EVERY_MS = 2_000;

export function WarningsPage() {
  const { t } = useI18n();
  const navigate = useNavigate();
  const { no } = useParams();
  const { home } = useDirectory();
  const user = useUser();
  const [params, setParams] = useSearchParams();
  const region = params.get("region") ?? home;
  const tab = TABS.find((x) => x === params.get("list")) ?? "open";
  const colour = COLOURS.find((c) => c === params.get("colour")) ?? null;
  const kind = KINDS.find((k) => k === params.get("kind")) ?? null;
  const [text, setText] = useState("");
  const [drill, setDrill] = useState(false);
  const [limit, setLimit] = useState(100);

  const query = useMemo(
    () => ({ region, colour, kind, q: text.trim(), limit, ...{ open: {}, unanswered: { state: "unanswered" }, mine: { mine: true }, closed: { state: "closed" } }[tab] }),
    [region, colour, kind, text, limit, tab],
  );
  const read = useResource(`warnings:${JSON.stringify(query)}`, (signal) => get<Page<Warning>>("/warnings", query, signal), EVERY_MS);
  const counts = useResource(`warning-counts:${region}`, (signal) => get<Counts>("/warning-counts", { region }, signal), EVERY_MS);
  const items = read.data?.items ?? [];
  const chosen = no ?? null;

  const set = (change: Record<string, string | null>): void =>
    setParams((old) => { const next = new URLSearchParams(old); for (const [k, v] of Object.entries(change)) if (v === null) next.delete(k); else next.set(k, v); return next; }, { replace: true });
  const choose = (next: number | null): void => void navigate({ pathname: next === null ? "/warnings" : `/warnings/${next}`, search: params.toString() }, { replace: true });
  const step = (by: 1 | -1): void => {
    const at = items.findIndex((w) => String(w.no) === chosen);
    const next = items[at < 0 ? 0 : Math.min(items.length - 1, Math.max(0, at + by))];
    if (next) choose(next.no);
  };
  useKeys({ J: () => step(1), K: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), Escape: () => choose(null) });

  const open = counts.data?.open ?? [0, 0, 0, 0];
  const unanswered = (counts.data?.unanswered ?? []).reduce((a, b) => a + b, 0);
  const mayDrill = user.role === "administrator" || user.role === "officer" || user.role === "tester";
  return (
    <div className={`warnings ${chosen ? "has-choice" : ""}`}>
      <header className="warn-bar">
        <h1 className="page-title">{t("warn.title")}</h1>
        <div className="desk-tabs" role="tablist" aria-label={t("warn.title")}>
          {TABS.map((name) => (
            <button key={name} type="button" role="tab" aria-selected={tab === name} onClick={() => set({ list: name === "open" ? null : name })}>
              {t(`warn.tab.${name}`)}{name === "open" ? <em>{open.reduce((a, b) => a + b, 0)}</em> : name === "unanswered" ? <em>{unanswered}</em> : null}
            </button>
          ))}
        </div>
        <span className="grow" />
        <div className="seg colour-filter" role="group" aria-label={t("warn.filterColour")}>
          {COLOURS.map((c, i) => (
            <button key={c} type="button" aria-pressed={colour === c} aria-label={`${t("warn.pennant", { colour: t(`warn.colour.${c}`) })} ${open[i] ?? 0}`} onClick={() => set({ colour: colour === c ? null : c })}>
              <Pennant colour={c} size={16} word /> {open[i] ?? 0}
            </button>
          ))}
        </div>
        <select className="kind-filter" aria-label={t("warn.filterKind")} value={kind ?? ""} onChange={(e) => set({ kind: e.target.value || null })}>
          <option value="">{t("warn.allKinds")}</option>
          {KINDS.map((k: Kind) => <option key={k} value={k}>{t(`warn.kind.${k}`)}</option>)}
        </select>
        <input className="warn-search" type="search" aria-label={t("warn.search")} placeholder={t("warn.search")} value={text} onChange={(e) => setText(e.target.value)} />
        {mayDrill ? <button type="button" className="btn" onClick={() => setDrill(true)}><Symbol name="ac-play" size={15} />{t("warn.startDrill")}</button> : null}
      </header>
      <section className="card warn-list" aria-label={t("warn.title")}>
        {read.error && !read.data ? <Failed error={read.error} what={t("warn.what")} retry={read.reload} /> : null}
        {!read.data && !read.error ? <Loading rows={6} /> : null}
        {read.data && items.length === 0 ? <Empty>{t(colour || kind || text || tab !== "open" ? "warn.noneFiltered" : "warn.none")}</Empty> : null}
        <div className="warn-rows">
          {items.map((w) => <Row key={w.no} warning={w} selected={String(w.no) === chosen} onChoose={() => choose(w.no)} />)}
          {read.data?.next_cursor ? <button type="button" className="btn more" onClick={() => setLimit((n) => Math.min(1000, n + 100))}>{t("warn.more")}</button> : null}
        </div>
      </section>
      <section className="card warn-detail" aria-label={t("warn.what")}>
        {chosen ? <WarningDetail key={chosen} no={chosen} onClose={() => choose(null)} /> : <Empty>{t("warn.choose")}</Empty>}
      </section>
      {drill ? <DrillDialog close={() => setDrill(false)} started={(n) => { setDrill(false); choose(n); }} /> : null}
    </div>
  );
}

const STATE_SYMBOL: Record<Warning["state"], string> = { unanswered: "st-escalate", in_hand: "ac-handover", returned: "st-ack", closed: "ac-return" };

function Row({ warning: w, selected, onChoose }: { warning: Warning; selected: boolean; onChoose: () => void }) {
  const { t, language } = useI18n();
  const clock = useNow(1000);
  const end = w.closed_at ?? clock;
  return (
    <button type="button" className={`warn-row edge-${w.colour} ${selected ? "sel" : ""} ${w.state}`} aria-current={selected} data-warning={w.no} onClick={onChoose}>
      <Symbol name={`rk-${w.colour}`} size={24} label={t("warn.pennant", { colour: t(`warn.colour.${w.colour}` as MessageKey) })} className={`rk-${w.colour as Colour}`} />
      <span className="col what">
        <span className="row g6"><b className="ell">{titleOf(w, t, language)}</b>{w.drill ? <span className="chip">{t("warn.drill")}</span> : null}</span>
        <span className="m f12 ell">{placeOf(w, t, language)}</span>
        <span className="s f12 ell">{t("warn.members", { n: w.alarms, standing: w.standing })}</span>
      </span>
      <span className="col right">
        <span className={`row g6 state ${w.state}`}><Symbol name={STATE_SYMBOL[w.state]} size={15} />{t(`warn.state.${w.state}`)}</span>
        <span className="m f12">{listTime(w.raised_at)}</span>
        <span className="m f12">{duration(end - w.raised_at)}</span>
      </span>
    </button>
  );
}
