/** The enterprises in scope as one table: what stands, whether data comes, how good it is. What is abnormal stands first. */
import "./enterprise.css";
import { useMemo } from "react";
import { Link, useSearchParams } from "react-router";
import type { Enterprise, Level, Rollup } from "../api/types";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useGatewaysVersion, useLive, useRollupsVersion, useStreamLost } from "../live/hooks";
import { useNow } from "../ui/clock";
import { Empty, Failed, Loading } from "../ui/faces";
import { LevelSymbol } from "../ui/LevelSymbol";
import { formatCount, formatPercent } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import { durationWords } from "../ui/time";
import { Age } from "../ui/Value";
import { useDirectory, useRegionSubscription, within } from "./directory";

export function EnterpriseListPage() {
  const { t, language } = useI18n();
  const { store } = useLive();
  const { enterprises, regions, ready, error, reload, home } = useDirectory();
  const [params, setParams] = useSearchParams();
  const region = params.get("region") ?? home;
  const text = (params.get("q") ?? "").trim().toLowerCase();
  useRegionSubscription("enterprises", region);
  useRollupsVersion();
  useGatewaysVersion();
  const shown = useMemo(
    () => [...enterprises.values()].filter((e) => (region === null || within(regions, e.region, region)) && (text === "" || `${e.name.zh} ${e.name.en} ${e.code}`.toLowerCase().includes(text))),
    [enterprises, regions, region, text],
  );
  const worst = (e: Enterprise): number => store.rollup(`enterprise:${e.code}`)?.worst ?? e.rollup?.worst ?? 9;
  const sorted = shown.slice().sort((a, b) => worst(a) - worst(b) || (a.code < b.code ? -1 : 1));

  return (
    <div className="page">
      <div className="list-tools">
        <h1 className="page-title">{t("enterprise.title")}</h1>
        <input type="search" aria-label={t("enterprise.filter")} placeholder={t("enterprise.filter")} value={params.get("q") ?? ""}
          onChange={(e) => setParams((old) => { const next = new URLSearchParams(old); if (e.target.value) next.set("q", e.target.value); else next.delete("q"); return next; }, { replace: true })} />
      </div>
      {!ready && error ? <Failed what={t("enterprise.what")} error={error} retry={reload} /> : !ready ? <Loading rows={10} /> : sorted.length === 0 ? <div className="card"><Empty>{t(text === "" ? "enterprise.none" : "plant.noneFiltered")}</Empty></div> : (
        <div className="card table-holder">
          <table className="plain enterprise-table stacked">
            <thead>
              <tr>
                <th scope="col">{t("enterprise.name")}</th><th scope="col">{t("enterprise.standing")}</th><th scope="col">{t("enterprise.hazards")}</th><th scope="col" className="num">{t("enterprise.points")}</th>
                <th scope="col" className="num">{t("enterprise.badShare")}</th><th scope="col">{t("enterprise.gateway")}</th><th scope="col" className="num">{t("enterprise.lastReading")}</th>
              </tr>
            </thead>
            <tbody>{sorted.map((e) => <EnterpriseRow key={e.code} enterprise={e} name={localName(e.name, language)} />)}</tbody>
          </table>
        </div>
      )}
    </div>
  );
}

const LEVELS: readonly Level[] = [1, 2, 3, 4];

/** What stands, by level; in outline what has returned and waits for an answer. */
export function LevelCounts({ of }: { of: Rollup | null | undefined }) {
  const { t } = useI18n();
  const counts = LEVELS.flatMap((level) => {
    const [open, waiting] = [of?.open[level - 1] ?? 0, of?.unacked[level - 1] ?? 0];
    return open > 0 ? [{ level, n: open, outline: false }] : waiting > 0 ? [{ level, n: waiting, outline: true }] : [];
  });
  const returned = of?.returned ?? 0;
  if (counts.length === 0 && returned === 0) return <span className="m">{t("enterprise.allGood")}</span>;
  return (
    <span className="row g12 level-counts">
      {counts.map(({ level, n, outline }) => <span key={level} className="row g4"><LevelSymbol level={level} size={15} outline={outline} />{n}</span>)}
      {returned > 0 ? <span className="s f12 nw">{t("enterprise.returned", { n: formatCount(returned) })}</span> : null}
    </span>
  );
}

function EnterpriseRow({ enterprise: e, name }: { enterprise: Enterprise; name: string }) {
  const { t } = useI18n();
  const { store } = useLive();
  const state = store.rollup(`enterprise:${e.code}`) ?? e.rollup;
  const gateway = e.gateway ? store.gateway(e.gateway) : undefined;
  return (
    <tr data-enterprise={e.code}>
      <td className="whole"><Link to={`/enterprises/${encodeURIComponent(e.code)}`} className="b">{name}</Link><span className="m f12 block">{e.code}</span></td>
      <td data-label={t("enterprise.standing")}><LevelCounts of={state} /></td>
      <td data-label={t("enterprise.hazards")}>{e.hazards > 0 ? <span className="row g6"><Symbol name="eq-hazard" size={15} className="s" />{e.hazards}{e.hazard_level && e.hazard_level <= 4 ? <span className="m f12">{t(`enterprise.grade.${e.hazard_level as Level}`)}</span> : null}</span> : <span className="m">{t("value.none")}</span>}</td>
      <td className="num" data-label={t("enterprise.points")}>{formatCount(state?.points ?? e.points)}</td>
      <td className="num" data-label={t("enterprise.badShare")}>{state && state.points > 0 ? formatPercent(state.bad / state.points) : "—"}</td>
      <td data-label={t("enterprise.gateway")}>{e.gateway ? <GatewayState id={e.gateway} lost={state?.lost ?? false} /> : <span className="m">{t("value.none")}</span>}</td>
      <td className="num" data-label={t("enterprise.lastReading")}><Age at={gateway?.last_reading ?? null} /></td>
    </tr>
  );
}

/** Whether a gateway's data comes, in words; a lost one says for how long. */
export function GatewayState({ id, lost }: { id: string; lost: boolean }) {
  const { t, language } = useI18n();
  const { store } = useLive();
  const streamLost = useStreamLost();
  const now = useNow(1000);
  const gateway = store.gateway(id);
  if (!gateway) return <span className="m">—</span>;
  if (lost || !gateway.connected) return <span className="chip cb"><Symbol name="q-bad" size={12} />{t("enterprise.lost", { duration: durationWords(now - gateway.since, language) })}</span>;
  return <span className={streamLost ? "m" : "s"}>{t("enterprise.connected")}{gateway.backlog_frames > 0 ? ` · ${t("enterprise.backlog", { n: formatCount(gateway.backlog_frames) })}` : ""}</span>;
}
