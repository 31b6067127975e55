/** Equipment by enterprise, what is abnormal first. Filter by text; the region of the top bar counts here too. */
import "./equipment.css";
import "./point-rows.css";
import { useMemo } from "react";
import { Link, useSearchParams } from "react-router";
import { getAll } from "../api/client";
import type { Alarm, Equipment } from "../api/types";
import { markOf } from "../alarms/alarm";
import { useResource } from "../api/useResource";
import { useDirectory, within } from "../enterprise/directory";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useOpenAlarms } from "../live/hooks";
import { iconOf } from "../map/markers";
import { Empty, Faces } from "../ui/faces";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import { kindKey } from "./EquipmentPage";

export function EquipmentListPage() {
  const { t } = useI18n();
  const [params, setParams] = useSearchParams();
  const equipment = useResource("equipment-list", (signal) => getAll<Equipment>("/equipment", {}, 20_000, signal), 120_000);
  const text = params.get("q") ?? "";
  return (
    <div className="page">
      <div className="list-tools">
        <h1 className="page-title">{t("equipment.title")}</h1>
        <input type="search" aria-label={t("equipment.filter")} placeholder={t("equipment.filter")} value={text}
          onChange={(e) => setParams((old) => { const next = new URLSearchParams(old); if (e.target.value) next.set("q", e.target.value); else next.delete("q"); return next; }, { replace: true })} />
      </div>
      <Faces of={equipment} what={t("equipment.what")} rows={12}>{(all) => <Groups all={all} text={text} region={params.get("region")} />}</Faces>
    </div>
  );
}

function Groups({ all, text, region }: { all: readonly Equipment[]; text: string; region: string | null }) {
  const { t, language } = useI18n();
  const { enterprises, regions } = useDirectory();
  const open = useOpenAlarms();
  const marks = useMemo(() => {
    const byEquipment = new Map<string, Alarm[]>();
    for (const a of open.values()) if (a.equipment) byEquipment.set(a.equipment, [...(byEquipment.get(a.equipment) ?? []), a]);
    return new Map([...byEquipment].map(([id, alarms]) => [id, markOf(alarms)]));
  }, [open]);
  const groups = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const out = new Map<string, Equipment[]>();
    for (const e of all) {
      const site = enterprises.get(e.enterprise);
      if (region && site && !within(regions, site.region, region)) continue;
      if (wanted && !`${e.tag} ${e.name.zh} ${e.name.en} ${site?.name.zh ?? ""} ${site?.name.en ?? ""}`.toLowerCase().includes(wanted)) continue;
      out.set(e.enterprise, [...(out.get(e.enterprise) ?? []), e]);
    }
    return [...out];
  }, [all, text, region, enterprises, regions]);
  if (groups.length === 0) return <div className="card"><Empty>{t(text.trim() ? "plant.noneFiltered" : "equipment.none")}</Empty></div>;
  const order = (e: Equipment): number => { const mark = marks.get(e.id); return mark ? mark.alarm.level + (mark.outline ? 4 : 0) : 9; };
  return (
    <div className="equipment-list">
      {groups.map(([code, list]) => (
        <section key={code} className="card" aria-label={localName(enterprises.get(code)?.name, language)}>
          <h2 className="hd"><Link to={`/enterprises/${encodeURIComponent(code)}`}>{localName(enterprises.get(code)?.name, language) || code}</Link><span className="m">{list.length}</span></h2>
          <ul className="equipment-items">
            {list.slice().sort((a, b) => order(a) - order(b) || (a.tag < b.tag ? -1 : 1)).map((e) => {
              const mark = marks.get(e.id);
              return (
                <li key={e.id} className="point-row">
                  <Symbol name={iconOf(e.kind)} size={16} className="s" />
                  <Link className="point-name ell" to={`/equipment/${encodeURIComponent(e.id)}`}>{e.tag} {localName(e.name, language)}</Link>
                  <span className="m f12 nw">{t(kindKey(e.kind))}</span>
                  {mark ? <LevelSymbol level={mark.alarm.level} size={15} outline={mark.outline} /> : null}
                </li>
              );
            })}
          </ul>
        </section>
      ))}
    </div>
  );
}
