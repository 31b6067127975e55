/** One enterprise: what stands, its hazard sources with their equipment, its gateway and the quality of its data, and who answers for it. */
import "./enterprise.css";
import "../equipment/equipment.css";
import { useMemo } from "react";
import { Link, useParams } from "react-router";
import { get, getAll } from "../api/client";
import type { Alarm, Enterprise, Equipment, HazardSource, Level, QualityRow } from "../api/types";
import { useResource } from "../api/useResource";
import { alarmBadge, alarmTag, alarmTitle, alarmValue, byPriority, markOf, tagOf } from "../alarms/alarm";
import { QuietLines, QuietMark, useQuietOfEnterprise, useQuietOfEquipment } from "../alarms/quiet";
import { shortNames, useTrail } from "../app/crumbs";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useGatewaysVersion, useLive, useOpenAlarms, useRollupsVersion, useSubscription } from "../live/hooks";
import { iconOf } from "../map/markers";
import { useNow } from "../ui/clock";
import { Empty, Faces, Loading } from "../ui/faces";
import { LevelSymbol } from "../ui/LevelSymbol";
import { formatCount, formatPercent } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import { duration } from "../ui/time";
import { Age } from "../ui/Value";
import { regionPath, useDirectory, useRegionSubscription } from "./directory";
import { GatewayState, LevelCounts } from "./EnterpriseListPage";
import { shareOf, spoiling } from "./quality";

/** Points that are named: enough to know where to begin. */
const WORST_SHOWN = 8;

type EnterpriseQuality = QualityRow & { enterprise: string; points?: (QualityRow & { id: string })[] };

export function EnterprisePage() {
  const { code = "" } = useParams();
  const { t } = useI18n();
  const enterprise = useResource(`enterprise:${code}`, (signal) => get<Enterprise>(`/enterprises/${encodeURIComponent(code)}`, undefined, signal), 120_000);
  return <Faces of={enterprise} what={t("enterprise.what")} rows={10}>{(data) => <Page key={data.code} enterprise={data} />}</Faces>;
}

function Page({ enterprise: e }: { enterprise: Enterprise }) {
  const { t, language } = useI18n();
  const { store } = useLive();
  const { regions } = useDirectory();
  useSubscription("enterprise", { enterprise: e.code });
  useRegionSubscription("enterprise-region", e.region);
  useRollupsVersion();
  useGatewaysVersion();
  const hazards = useResource(`hazards:${e.code}`, (signal) => getAll<HazardSource>("/hazard-sources", { enterprise: e.code }, 500, signal));
  const equipment = useResource(`equipment-of:${e.code}`, (signal) => getAll<Equipment>("/equipment", { enterprise: e.code }, 5000, signal));
  const live = useOpenAlarms();
  const alarms = useMemo(() => [...live.values()].filter((a) => a.enterprise === e.code).sort(byPriority), [live, e.code]);
  const state = store.rollup(`enterprise:${e.code}`) ?? e.rollup;
  const gateway = e.gateway ? store.gateway(e.gateway) : undefined;
  const quiet = useQuietOfEnterprise(e.code);
  const name = localName(e.name, language);
  const path = regionPath(regions, e.region);
  const short = shortNames(path.map((r) => localName(r.name, language)));
  useTrail([...path.map((r, i) => ({ label: short[i] ?? "", full: localName(r.name, language), to: `/map?region=${encodeURIComponent(r.code)}` })), { label: name, to: null }]);
  const groups = useMemo(() => {
    const all = equipment.data ?? [];
    const listed = (hazards.data ?? []).map((h) => ({ key: h.code, hazard: h as HazardSource | null, items: all.filter((x) => x.hazard === h.code) }));
    const general = all.filter((x) => x.hazard === null || !(hazards.data ?? []).some((h) => h.code === x.hazard));
    return general.length > 0 ? [...listed, { key: "general", hazard: null, items: general }] : listed;
  }, [hazards.data, equipment.data]);

  return (
    <div className="page enterprise-page">
      <header className="card enterprise-head">
        <div className="grow">
          <h1 className="page-title row g8">{name}
            {e.hazard_level && e.hazard_level <= 4 ? <span className="chip ol"><Symbol name="eq-hazard" size={14} />{t("enterprise.hazard", { grade: t(`enterprise.grade.${e.hazard_level as Level}`) })}</span> : null}
          </h1>
          <p className="s facts"><span>{e.code}</span><span>{e.credit_code}</span><span>{e.address}</span>{e.principal ? <span>{t("enterprise.contact")} {e.principal} {e.phone}</span> : null}</p>
        </div>
        <dl className="figures">
          <div><dd><LevelCounts of={state} /></dd><dt>{t("enterprise.standing")}</dt></div>
          <div><dd>{formatCount(state?.points ?? e.points)}</dd><dt>{t("enterprise.points")}</dt></div>
          <div><dd>{state && state.points > 0 ? formatPercent(state.bad / state.points) : "—"}</dd><dt>{t("enterprise.badShare")}</dt></div>
          <div><dd className="f14">{e.gateway ? <GatewayState id={e.gateway} lost={state?.lost ?? false} /> : t("value.none")}</dd><dt>{t("enterprise.gateway")} · <Age at={gateway?.last_reading ?? null} /></dt></div>
        </dl>
        {e.longitude !== null && e.latitude !== null ? <Link className="btn" to={`/map?focus=${e.longitude},${e.latitude}`}><Symbol name="ac-locate" size={16} />{t("enterprise.onMap")}</Link> : null}
      </header>
      <div className="enterprise-grid">
        <div className="col g12">
          {equipment.error && !equipment.data ? <Faces of={equipment} what={t("enterprise.equipment")}>{() => null}</Faces> : !equipment.data || !hazards.data ? <div className="card"><Loading rows={8} /></div> : groups.length === 0 ? <div className="card"><Empty>{t("equipment.none")}</Empty></div> : groups.map((g) => (
            <section key={g.key} className="card" aria-label={g.hazard ? localName(g.hazard.name, language) : t("enterprise.general")}>
              <h2 className="hd">
                {g.hazard ? localName(g.hazard.name, language) : t("enterprise.general")}
                {g.hazard ? <span className="chip ol"><Symbol name="eq-hazard" size={14} />{g.hazard.level && g.hazard.level <= 4 ? t("enterprise.hazard", { grade: t(`enterprise.grade.${g.hazard.level as Level}`) }) : t("enterprise.hazardPlain")}</span> : null}
                <span className="grow" />
                {g.hazard ? <LevelCounts of={store.rollup(`hazard:${g.hazard.code}`) ?? g.hazard.rollup} /> : null}
              </h2>
              <ul className="vessels">{g.items.map((x) => <VesselChip key={x.id} equipment={x} alarms={alarms} />)}</ul>
            </section>
          ))}
        </div>
        <div className="col g12">
          <section className="card" aria-label={t("enterprise.alarms")}>
            <h2 className="hd">{t("enterprise.alarms")} <span className="m">{alarms.length}</span></h2>
            {alarms.length === 0 ? <Empty>{t("alarms.noneStanding")}</Empty> : <ul>{alarms.slice(0, 30).map((a) => <AlarmLine key={a.id} alarm={a} />)}{alarms.length > 30 ? <li><Link className="alarm-row" to="/alarms">{t("alarms.moreStanding", { n: alarms.length - 30 })}</Link></li> : null}</ul>}
          </section>
          {quiet.length > 0 ? (
            <section className="card" aria-label={t("quiet.of", { n: quiet.length })}>
              <h2 className="hd">{t("alarms.quietWhat")} <span className="m">{quiet.length}</span><span className="grow" /><Link className="f12" to="/alarms?list=quiet">{t("quiet.show")}</Link></h2>
              <div className="quiet-card-body"><QuietLines alarms={quiet} limit={8} /></div>
            </section>
          ) : null}
          <QualityCard code={e.code} />
        </div>
      </div>
    </div>
  );
}

function VesselChip({ equipment: x, alarms }: { equipment: Equipment; alarms: readonly Alarm[] }) {
  const { language } = useI18n();
  const { store } = useLive();
  const state = store.rollup(`equipment:${x.id}`) ?? x.rollup;
  const mark = markOf(alarms.filter((a) => a.equipment === x.id));
  const quiet = useQuietOfEquipment(x.id);
  return (
    <li>
      <Link to={`/equipment/${encodeURIComponent(x.id)}`} className={`vessel ${state?.lost ? "is-lost" : ""}`}>
        <Symbol name={iconOf(x.kind)} size={20} className="s" />
        <span className="col grow"><b className="ell">{x.kind === "area" ? localName(x.name, language) : x.tag}</b><span className="m f12 ell">{x.kind === "area" ? x.tag : localName(x.name, language)}</span></span>
        <QuietMark alarms={quiet} size={16} />
        {mark ? <LevelSymbol level={mark.alarm.level} size={18} outline={mark.outline} /> : state?.worst ? <LevelSymbol level={state.worst} size={18} /> : null}
      </Link>
    </li>
  );
}

function AlarmLine({ alarm }: { alarm: Alarm }) {
  const { t, language } = useI18n();
  const now = useNow(1000);
  const badge = alarmBadge(alarm);
  const title = alarmTitle(alarm, t, language);
  return (
    <li>
      <Link className="alarm-row" to={`/alarms?alarm=${encodeURIComponent(alarm.id)}`}>
        <LevelSymbol level={alarm.level} size={16} outline={badge.outline} />
        <span className="col grow"><span className={`ell ink ${badge.tone === "loud" ? "b" : ""}`}>{title} <span className="s">{alarmTag(alarm, title)}</span></span><span className="m f12 ell">{[t(badge.label), alarmValue(alarm)].filter(Boolean).join(" · ")}</span></span>
        <span className="s f12 nw">{duration((alarm.cleared_at ?? now) - alarm.raised_at)}</span>
      </Link>
    </li>
  );
}

/** How good the data of the last day was, and which points spoil it: what the enterprise is to mend. */
function QualityCard({ code }: { code: string }) {
  const { t } = useI18n();
  const quality = useResource(`quality:${code}`, async (signal) => {
    const to = Date.now();
    const found = await get<{ items: EnterpriseQuality[] }>("/quality", { enterprise: code, from: to - 86_400_000, to }, signal);
    return found.items.find((q) => q.enterprise === code) ?? found.items[0] ?? null;
  }, 300_000);
  return (
    <section className="card" aria-label={t("enterprise.quality")}>
      <h2 className="hd">{t("enterprise.quality")}</h2>
      <Faces of={quality} what={t("enterprise.quality")} rows={3}>
        {(q) => q === null ? <Empty>{t("value.noReading")}</Empty> : (
          <>
            <dl className="figures inner">
              <div><dd>{shareOf(q.expected, q.online)}</dd><dt>{t("enterprise.online")}</dt></div>
              <div><dd>{shareOf(q.expected, q.completeness)}</dd><dt>{t("enterprise.completeness")}</dt></div>
              <div><dd>{shareOf(q.received, q.bad_share)}</dd><dt>{t("enterprise.badShare")}</dt></div>
            </dl>
            {spoiling(q.points ?? []).length > 0 ? (
              <table className="plain">
                <thead><tr><th scope="col">{t("enterprise.qualityWorst")}</th><th scope="col" className="num">{t("enterprise.completeness")}</th><th scope="col" className="num">{t("enterprise.badShare")}</th></tr></thead>
                <tbody>{spoiling(q.points ?? []).slice(0, WORST_SHOWN).map((p) => (
                  <tr key={p.id}><td>{tagOf(p.id)}</td><td className="num">{shareOf(p.expected, p.completeness)}</td><td className="num">{shareOf(p.received, p.bad_share)}</td></tr>
                ))}</tbody>
              </table>
            ) : null}
          </>
        )}
      </Faces>
    </section>
  );
}
