/** The tester's page: scenarios, faults, gateways, and what was expected beside what was seen. */
import "./tester.css";
import { useState } from "react";
import { Link } from "react-router";
import { get, post, remove } from "../api/client";
import { asApiError, useResource } from "../api/useResource";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { GatewaysTab } from "../system/GatewaysTab";
import "../system/system.css";
import { Empty, Faces } from "../ui/faces";
import { Symbol } from "../ui/Symbol";
import { clockTime, exactTime } from "../ui/time";
import { byUrgency, seconds, tone, type Expectation, type Faults, type Run, type Scenario } from "./verdict";

type List<T> = { items: T[] };

/** Runs that are shown; the center judges no more than these. */
const RUNS_SHOWN = 10;
/** Sections in the order of a narrow screen, where only the first is in sight. */
const SECTIONS = [["scenarios", "tester.scenarios"], ["runs", "tester.runs"], ["faults", "tester.faults"], ["gateways", "tester.gateways"]] as const;

export function TesterPage() {
  const { t } = useI18n();
  const runs = useResource("scenario-runs", (signal) => get<List<Run>>("/scenarios/runs", { limit: RUNS_SHOWN }, signal), 1000);
  const scenarios = useResource("scenarios", (signal) => get<List<Scenario>>("/scenarios", {}, signal), 2000);
  const changed = (): void => {
    scenarios.reload();
    runs.reload();
  };
  if (scenarios.error?.code === "no_simulator") return <div className="page"><h1 className="page-title">{t("tester.title")}</h1><Empty>{t("tester.none")}</Empty></div>;
  // Once for the page: four cards that each refuse, beside a form that would be refused, say less.
  if (scenarios.error?.status === 403) return <div className="page"><h1 className="page-title">{t("tester.title")}</h1><Empty>{t("face.forbidden")}</Empty></div>;
  return (
    <div className="page tester system">
      <header>
        <h1 className="page-title">{t("tester.title")}</h1>
        <nav className="jump" aria-label={t("tester.sections")}>{SECTIONS.map(([id, label]) => <a key={id} className="btn sm" href={`#${id}`}>{t(label)}</a>)}</nav>
      </header>
      <div className="column">
        <section className="card" id="scenarios" aria-label={t("tester.scenarios")}>
          <h2 className="hd">{t("tester.scenarios")}</h2>
          <Faces of={scenarios} what={t("tester.what")}>
            {({ items }) => <>{items.map((s) => <ScenarioRow key={s.name} scenario={s} run={runs.data?.items.find((r) => r.scenario === s.name && r.ended_at === null) ?? null} changed={changed} />)}</>}
          </Faces>
        </section>
      </div>
      <div className="column">
        <section className="card" id="runs" aria-label={t("tester.runs")}>
          <h2 className="hd">{t("tester.runs")}</h2>
          <Faces of={runs} what={t("tester.runs")}>
            {({ items }) => items.length === 0 ? <Empty>{t("tester.noRuns")}</Empty> : <>{[...items].sort((a, b) => b.number - a.number).map((r) => <RunTable key={r.number} run={r} />)}</>}
          </Faces>
        </section>
        <FaultsCard />
        <div id="gateways"><GatewaysTab /></div>
      </div>
    </div>
  );
}

function ScenarioRow({ scenario, run, changed }: { scenario: Scenario; run: Run | null; changed: () => void }) {
  const { t, language } = useI18n();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const act = (verb: "start" | "stop"): void => {
    setBusy(true);
    setProblem(null);
    post<unknown>(`/scenarios/${scenario.name}/${verb}`)
      .then(changed, (cause: unknown) => setProblem(asApiError(cause).message))
      .finally(() => setBusy(false));
  };
  const title = localName(scenario.title, language);
  return (
    <article className="scenario" aria-label={scenario.name}>
      <div className="words">
        <div><b>{title}</b> <span className="m f12">{scenario.name}</span></div>
        <p className="s f12">{localName(scenario.about, language)}</p>
        {run ? <p className="m f12">{run.ends_s === null ? t("tester.runningOpen", { s: Math.round(run.elapsed_s) }) : t("tester.running", { s: Math.round(run.elapsed_s), all: Math.round(run.ends_s) })}</p> : null}
        {problem ? <p className="t2 f12" role="alert">{problem}</p> : null}
      </div>
      {scenario.running && scenario.name !== "calm" ? (
        <button type="button" className="btn sm" disabled={busy} aria-label={`${t("tester.stop")} ${scenario.name}`} onClick={() => act("stop")}>{t("tester.stop")}</button>
      ) : (
        <button type="button" className="btn sm" disabled={busy} aria-label={`${t("tester.start")} ${scenario.name}`} onClick={() => act("start")}>{t("tester.start")}</button>
      )}
    </article>
  );
}

function RunTable({ run }: { run: Run }) {
  const { t } = useI18n();
  const [all, setAll] = useState(false);
  const sorted = byUrgency(run.expectations);
  const shown = all ? sorted : sorted.slice(0, 12);
  return (
    <article className="run" aria-label={`${run.scenario} ${run.number}`}>
      <h3>{t("tester.run", { n: run.number, name: run.scenario, time: clockTime(run.started_at) })}</h3>
      <div className="wide-table">
        <table className="plain verdicts">
          <thead><tr><th>{t("tester.expected")}</th><th>{t("tester.seen")}</th><th className="num">{t("tester.latency")}</th><th>{t("tester.verdict")}</th></tr></thead>
          <tbody>{shown.map((e) => <ExpectationRow key={`${e.subject}/${e.condition}`} expectation={e} />)}</tbody>
        </table>
      </div>
      {run.expectations.length > shown.length ? <button type="button" className="btn txt sm" onClick={() => setAll(true)}>{t("list.more", { n: run.expectations.length - shown.length })}</button> : null}
    </article>
  );
}

/** Classes of the tones. */
const TONES = { bad: "bad", open: "m", calm: "calm", good: "" } as const;

function ExpectationRow({ expectation }: { expectation: Expectation }) {
  const { t, language } = useI18n();
  const { seen, verdict: v } = expectation;
  const how = tone(v);
  const why = v.reason === null ? null : t(v.state === "wrong" ? "tester.wrong.never_crossed" : `tester.void.${v.reason}`);
  return (
    <tr>
      <td>{language === "zh-CN" ? expectation.zh : expectation.en}</td>
      <td>
        {seen ? (
          <Link to={`/alarms?alarm=${encodeURIComponent(seen.id)}`}>
            {exactTime(seen.decided_at)} <span className="m">{seen.cleared_at === null ? t("tester.standing") : t("tester.cleared", { time: clockTime(seen.cleared_at) })}</span>
            {v.occurrences > 1 ? <span className="m"> · {t("tester.times", { n: v.occurrences })}</span> : null}
          </Link>
        ) : why === null ? <span className="m">—</span> : null}
        {why === null ? null : <div className="m">{why}</div>}
      </td>
      <td className={v.latency_ms === null && v.clear_latency_ms === null ? "num none" : "num"}>{v.latency_ms === null ? "—" : seconds(v.latency_ms)}{v.clear_latency_ms === null ? null : <span className="m"> · {t("tester.clearedAfter", { s: seconds(v.clear_latency_ms) })}</span>}</td>
      <td className={`nw ${TONES[how]}`}>{how === "bad" ? <Symbol name="ui-info" size={14} className="t2" style={{ display: "inline", verticalAlign: "-2px" }} /> : null} {t(`tester.${v.state}`)}</td>
    </tr>
  );
}

const SERVER_FAULTS = { refuse: { kind: "refuse" }, silent: { kind: "silent" }, slow: { kind: "slow", delay_ms: 3000 }, garbage: { kind: "garbage" }, freeze: { kind: "freeze" } } as const;
const POINT_FAULTS = { frozen: { kind: "frozen" }, flapping: { kind: "flapping", by: 20, period_s: 10 }, stuck: { kind: "stuck", at: 85 } } as const;

function FaultsCard() {
  const { t } = useI18n();
  const faults = useResource("faults", (signal) => get<Faults>("/faults", {}, signal), 2000);
  const [point, setPoint] = useState("");
  const [kind, setKind] = useState<keyof typeof POINT_FAULTS>("frozen");
  const [problem, setProblem] = useState<string | null>(null);
  const act = (doing: Promise<unknown>): void => {
    setProblem(null);
    doing.then(() => faults.reload(), (cause: unknown) => setProblem(asApiError(cause).message));
  };
  return (
    <section className="card" id="faults" aria-label={t("tester.faults")}>
      <h2 className="hd"><span className="grow">{t("tester.faults")}</span><button type="button" className="btn sm" onClick={() => act(remove<unknown>("/faults"))}>{t("tester.mendAll")}</button></h2>
      <div className="inject">
        <input className="grow" value={point} onChange={(e) => setPoint(e.target.value)} placeholder="410205009.LT-9202" aria-label={t("tester.point")} />
        <select value={kind} onChange={(e) => setKind(e.target.value as keyof typeof POINT_FAULTS)} aria-label={t("tester.pointFault")}>
          {Object.keys(POINT_FAULTS).map((k) => <option key={k} value={k}>{t(`fault.${k}` as MessageKey)}</option>)}
        </select>
        <button type="button" className="btn" disabled={point.trim() === ""} onClick={() => act(post<unknown>("/faults", { point: point.trim(), fault: POINT_FAULTS[kind] }))}>{t("tester.inject")}</button>
      </div>
      {problem ? <p className="t2 face" role="alert">{problem}</p> : null}
      <Faces of={faults} what={t("tester.faultWhat")}>
        {({ servers, points }) => (
          <div className="wide-table">
            <table className="plain">
              <thead><tr><th>{t("tester.server")}</th><th>{t("tester.fault")}</th></tr></thead>
              <tbody>
                {points.map((p) => (
                  <tr key={p.point}><td className="b">{p.point}</td><td>{t(`fault.${p.fault.kind}` as MessageKey)} <button type="button" className="btn txt sm" onClick={() => act(post<unknown>("/faults", { point: p.point, fault: null }))}>{t("tester.mend")}</button></td></tr>
                ))}
                {servers.map((s) => (
                  <tr key={s.server}>
                    <td>{s.server} <span className="m f12">{s.address}</span></td>
                    <td>
                      <select value={s.fault?.kind ?? ""} aria-label={`${t("tester.fault")} ${s.server}`}
                        onChange={(e) => act(post<unknown>("/faults", { server: s.server, fault: e.target.value === "" ? null : SERVER_FAULTS[e.target.value as keyof typeof SERVER_FAULTS] }))}>
                        <option value="">{t("tester.noFault")}</option>
                        {Object.keys(SERVER_FAULTS).map((k) => <option key={k} value={k}>{t(`fault.${k}` as MessageKey)}</option>)}
                      </select>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Faces>
    </section>
  );
}
