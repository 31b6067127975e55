/** Gateways: connected or lost and how long, their field devices, backlog, clock. Live states lay over what was read. */
import { useMemo } from "react";
import { getAll } from "../api/client";
import { useResource } from "../api/useResource";
import { useDirectory } from "../enterprise/directory";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useGatewaysVersion, useLive, useSubscription } from "../live/hooks";
import { useNow } from "../ui/clock";
import { Empty, Faces } from "../ui/faces";
import { formatCount } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import { age, durationWords } from "../ui/time";
import type { Gateway } from "./types";

/** Seconds with a sign: a gateway whose clock is ahead is +. */
export function skewText(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  const sign = ms < 0 ? "−" : "+";
  if (seconds < 60) return `${sign}${seconds.toFixed(1)} s`;
  return seconds < 3600 ? `${sign}${(seconds / 60).toFixed(1)} min` : `${sign}${(seconds / 3600).toFixed(1)} h`;
}

export function GatewaysTab() {
  const { t } = useI18n();
  const { home } = useDirectory();
  const { store } = useLive();
  const version = useGatewaysVersion();
  useSubscription("system-gateways", home ? { region: home } : null);
  const read = useResource("gateways", (signal) => getAll<Gateway>("/gateways", {}, undefined, signal), 10_000);
  const rows = useMemo(
    () => read.data?.map((g) => ({ ...g, ...store.gateway(g.id) })).sort((a, b) => Number(a.connected) - Number(b.connected) || a.id.localeCompare(b.id)) ?? null,
    // The store changes in place; its version says when.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [read.data, store, version],
  );
  return (
    <section className="card" aria-label={t("system.tab.gateways")}>
      <Faces of={{ ...read, data: rows }} what={t("gateway.what")}>
        {(gateways) => (gateways.length === 0 ? <Empty>{t("gateway.none")}</Empty> : <GatewayRows gateways={gateways} />)}
      </Faces>
    </section>
  );
}

function useCells(g: Gateway) {
  const { t, language } = useI18n();
  const { enterprises } = useDirectory();
  const now = useNow();
  const lost = g.devices.filter((d) => !d.connected);
  const enterprise = enterprises.get(g.enterprise);
  return {
    enterprise: enterprise ? localName(enterprise.name, language) : g.enterprise,
    state: g.connected ? (
      <span>{t("gateway.connected")}</span>
    ) : (
      <span className="lostmark"><Symbol name="q-bad" size={14} />{t("gateway.lost", { time: durationWords(now - g.since, language) })}</span>
    ),
    devices: lost.length === 0 ? (
      t("gateway.allDevices", { n: g.devices.length })
    ) : (
      <span className="lostmark" title={lost.map((d) => t("gateway.deviceLost", { device: d.device, error: d.error })).join("\n")}>
        <Symbol name="q-bad" size={14} />{t("gateway.someDevices", { lost: lost.length, n: g.devices.length })}
      </span>
    ),
    last: g.last_reading === null ? "—" : age(now - g.last_reading),
    backlog: g.backlog_frames === 0 ? "0" : t("gateway.frames", { n: formatCount(g.backlog_frames) }),
    skew: g.skew_ms === null ? t("gateway.noSkew") : skewText(g.skew_ms),
    steps: g.clock_steps > 0 ? t("gateway.steps", { n: g.clock_steps }) : null,
    traffic: `${formatCount(g.frames ?? 0)} · ${formatCount(g.readings ?? 0)}`,
    trouble: [g.duplicates > 0 ? t("gateway.duplicates", { n: formatCount(g.duplicates) }) : null, g.refused > 0 ? t("gateway.refused", { n: formatCount(g.refused) }) : null].filter((x) => x !== null).join(" · "),
  };
}

function GatewayRows({ gateways }: { gateways: readonly Gateway[] }) {
  const { t } = useI18n();
  return (
    <>
      <div className="wide-table table-face">
        <table className="plain">
          <thead>
            <tr>
              <th>{t("gateway.id")}</th><th>{t("gateway.enterprise")}</th><th>{t("gateway.state")}</th><th>{t("gateway.devices")}</th>
              <th className="num">{t("gateway.lastReading")}</th><th className="num">{t("gateway.backlog")}</th>
              <th className="num" title={t("gateway.skewNote")}>{t("gateway.skew")}</th><th className="num">{t("gateway.traffic")}</th><th>{t("gateway.software")}</th>
            </tr>
          </thead>
          <tbody>{gateways.map((g) => <GatewayRow key={g.id} g={g} />)}</tbody>
        </table>
      </div>
      <div className="cards">{gateways.map((g) => <GatewayCard key={g.id} g={g} />)}</div>
    </>
  );
}

function GatewayRow({ g }: { g: Gateway }) {
  const c = useCells(g);
  return (
    <tr>
      <td className="b nw">{g.id}</td><td>{c.enterprise}</td><td className="nw">{c.state}</td><td className="nw">{c.devices}</td>
      <td className="num">{c.last}</td><td className="num">{c.backlog}</td>
      <td className="num">{c.skew}{c.steps ? <span className="m"> {c.steps}</span> : null}</td>
      <td className="num">{c.traffic}{c.trouble ? <div className="m f12">{c.trouble}</div> : null}</td>
      <td className="m">{g.software ?? "—"}</td>
    </tr>
  );
}

function GatewayCard({ g }: { g: Gateway }) {
  const { t } = useI18n();
  const c = useCells(g);
  return (
    <article className="card">
      <h2 className="row g8"><b className="grow">{c.enterprise}</b><span className="m">{g.id}</span></h2>
      <dl className="kv">
        <dt>{t("gateway.state")}</dt><dd>{c.state}</dd>
        <dt>{t("gateway.devices")}</dt><dd>{c.devices}</dd>
        <dt>{t("gateway.lastReading")}</dt><dd>{c.last}</dd>
        <dt>{t("gateway.backlog")}</dt><dd>{c.backlog}</dd>
        <dt>{t("gateway.skew")}</dt><dd>{c.skew} {c.steps}</dd>
      </dl>
    </article>
  );
}
