/** One unit: who is on duty now, its roster by week or month, swaps and stand-ins; for whoever keeps it, the editor. */
import { Modal } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router";
import { get, remove, withQuery } from "../api/client";
import { asApiError, useResource } from "../api/useResource";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useNeedsCenter } from "../live/hooks";
import { Empty, Faces } from "../ui/faces";
import { momentAt, offsetName } from "./days";
import { Exceptions } from "./Exceptions";
import { PlanEditor } from "./PlanEditor";
import { RosterGrid } from "./RosterGrid";
import { Roles } from "./UnitList";
import type { UnitDetail } from "./types";

export function UnitPage({ id }: { id: string }) {
  const { t } = useI18n();
  const path = `/duty-units/${encodeURIComponent(id)}`;
  const [round, setRound] = useState(0);
  const [editing, setEditing] = useState(false);
  const read = useResource(`duty-unit/${id}`, (signal) => get<UnitDetail>(path, {}, signal), 60_000);
  const again = (): void => {
    setRound((r) => r + 1);
    read.reload();
  };
  return (
    <Faces of={read} what={t("duty.what")}>
      {(unit) => (
        <>
          <Head unit={unit} path={path} editing={editing} edit={setEditing} />
          {editing ? (
            <PlanEditor unit={unit} path={path} saved={() => { setEditing(false); again(); }} reload={again} />
          ) : unit.version === 0 ? (
            <section className="card"><Empty>{t("duty.noRoster")}</Empty></section>
          ) : (
            <>
              <RosterGrid unit={unit} path={path} round={round} />
              <Exceptions unit={unit} path={path} changed={again} />
            </>
          )}
        </>
      )}
    </Faces>
  );
}

function Head({ unit, path, editing, edit }: { unit: UnitDetail; path: string; editing: boolean; edit: (on: boolean) => void }) {
  const { t, language } = useI18n();
  const navigate = useNavigate();
  const away = useNeedsCenter();
  const [modal, holder] = Modal.useModal();
  const name = localName(unit.name, language) || unit.id;
  const ask = (): void => {
    modal.confirm({
      title: t("duty.deleteAsk", { name }), okText: t("duty.remove"), cancelText: t("dialog.cancel"), icon: null, okButtonProps: { className: "destructive" },
      onOk: async () => {
        try {
          await remove<void>(withQuery(path, { version: unit.version }));
          await navigate("/duty");
        } catch (cause) {
          modal.error({ title: asApiError(cause).message, icon: null });
        }
      },
    });
  };
  const at = (ms: number): string => momentAt(ms, unit.utc_offset_min);
  return (
    <section className="card" aria-label={name}>
      <div className="hd wrap">
        <span className="chip">{t(`duty.level.${unit.level}`)}</span>
        <span>{name}</span>
        <span className="m grow">{t("duty.members", { n: unit.members })}{unit.utc_offset_min === 480 ? "" : ` · ${offsetName(unit.utc_offset_min)}`}</span>
        {unit.editable ? (
          <>
            {unit.version > 0 && editing ? <button type="button" className="btn txt sm" disabled={away !== null} onClick={ask}>{t("duty.deleteUnit")}</button> : null}
            <button type="button" className="btn sm" disabled={away !== null} title={away ? t(away) : ""} onClick={() => edit(!editing)}>{t(editing ? "duty.view" : "duty.edit")}</button>
          </>
        ) : <span className="m f12">{t("duty.readOnly")}</span>}
        {holder}
      </div>
      <div className="duty-body">
        {unit.version > 0 ? <Roles now={unit.now} /> : null}
        {unit.gaps.length > 0 ? (
          <p className="duty-warn">{t("duty.gaps")}: {unit.gaps.map((g) => t("duty.gapSpan", { role: t(`duty.role.${g.role}`), from: at(g.from), to: momentAt(g.until, unit.utc_offset_min, g.from) })).join("; ")}</p>
        ) : null}
        {unit.empty_teams.length > 0 ? <p className="duty-warn">{t("duty.emptyTeams", { teams: unit.empty_teams.join(", ") })}</p> : null}
        {unit.gaps.length > 0 ? <p className="m f12">{t("duty.fallback")}</p> : null}
      </div>
    </section>
  );
}
