/** The plant's way in by hand: choose an enterprise, then its records by kind. The address keeps both. */
import "./plant.css";
import "../system/system.css";
import { Modal, Select } from "antd";
import { useMemo, useState, type ReactNode } from "react";
import { NavLink, useNavigate, useParams } from "react-router";
import { getAll, remove, withQuery } from "../api/client";
import type { Point } from "../api/types";
import { tagOf } from "../alarms/alarm";
import { asApiError, useResource } from "../api/useResource";
import { useDirectory } from "../enterprise/directory";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { useNeedsCenter } from "../live/hooks";
import { useUser } from "../session/session";
import { intoView } from "../ui/tabs";
import { Empty, Faces } from "../ui/faces";
import { formatCount, formatNumber } from "../ui/number";
import { LimitsForm } from "./LimitsForm";
import { codeWords, RecordForm, type Choices } from "./RecordForm";
import { RECORDS, type Field, type RecordKind, type Row } from "./records";

const KINDS = Object.keys(RECORDS) as RecordKind[];

export function PlantPage() {
  const { t, language } = useI18n();
  const { enterprises } = useDirectory();
  const navigate = useNavigate();
  const params = useParams();
  const kind: RecordKind = KINDS.find((k) => k === params["kind"]) ?? "equipment";
  const enterprise = params["code"] ?? [...enterprises.keys()].sort()[0] ?? "";
  return (
    <div className="page plant">
      <header className="row g12 plant-head">
        <h1 className="page-title">{t("plant.title")}</h1>
        <Select style={{ minWidth: 220 }} value={enterprise || null} placeholder={t("plant.pick")} aria-label={t("plant.pick")} showSearch={{ optionFilterProp: "label" }} onChange={(code) => void navigate(`/plant/${code}/${kind}`)}
          options={[...enterprises.values()].map((e) => ({ value: e.code, label: `${localName(e.name, language)} ${e.code}` }))} />
        <nav className="tabs" ref={intoView} aria-label={t("plant.title")}>
          {KINDS.map((k) => <NavLink key={k} to={`/plant/${enterprise}/${k}`} className={k === kind ? "active" : ""}>{t(RECORDS[k].label)}</NavLink>)}
        </nav>
      </header>
      {enterprise ? <Records key={`${enterprise}/${kind}`} kind={kind} enterprise={enterprise} /> : <Empty>{t("plant.none")}</Empty>}
    </div>
  );
}

function useChoices(enterprise: string): Choices {
  const { language } = useI18n();
  const { regions } = useDirectory();
  const read = useResource(`choices/${enterprise}`, async (signal) => {
    const list = (path: string) => getAll<Row>(path, { enterprise }, undefined, signal);
    const [hazard, equipment, gateway] = await Promise.all([list("/hazard-sources"), list("/equipment"), list("/gateways")]);
    return { hazard, equipment, gateway };
  });
  return useMemo(() => {
    const options = (rows: readonly Row[] | undefined, key: string) => rows?.map((r) => ({ value: String(r[key]), label: key === "id" && String(r[key]).includes(".") ? `${tagOf(String(r[key]))} ${localName(r.name, language)}` : `${localName(r.name, language)} ${String(r[key])}` })) ?? [];
    return {
      region: [...regions.values()].map((r) => ({ value: r.code, label: `${localName(r.name, language)} ${r.code}` })),
      hazard: options(read.data?.hazard, "code"), equipment: options(read.data?.equipment, "id"), gateway: options(read.data?.gateway, "id"),
    };
  }, [read.data, regions, language]);
}

function Records({ kind, enterprise }: { kind: RecordKind; enterprise: string }) {
  const { t } = useI18n();
  const user = useUser();
  const directory = useDirectory();
  const spec = RECORDS[kind];
  const [text, setText] = useState("");
  const [editing, setEditing] = useState<Row | "new" | null>(null);
  const [limits, setLimits] = useState<Point | null>(null);
  const [modal, holder] = Modal.useModal();
  const choices = useChoices(enterprise);
  const read = useResource(`plant/${kind}/${enterprise}`, async (signal) => {
    const rows = await getAll<Row>(spec.path, spec.list(enterprise), undefined, signal);
    return kind === "enterprise" ? rows : rows.filter((r) => String(r["enterprise"] ?? String(r[spec.idKey])).startsWith(enterprise));
  });
  const admin = user.role === "administrator";
  const away = useNeedsCenter();
  const hasRight = admin || (user.role === "enterprise_manager" && (kind === "equipment" || kind === "point" || kind === "camera"));
  const why = hasRight ? away : "plant.readOnly";
  const mayChange = why === null;
  const here = directory.enterprises.get(enterprise);
  const near = here?.longitude != null && here.latitude != null ? { lon: here.longitude, lat: here.latitude } : null;
  const saved = (answer: Row): void => {
    setEditing(null);
    read.reload();
    if (kind === "enterprise") directory.reload();
    if (typeof answer?.["secret"] === "string") {
      modal.info({ title: t("plant.secret"), icon: null, content: <><p className="secret b">{answer["secret"]}</p><p className="m">{t("plant.secretHint")}</p></>, okText: t("dialog.close") });
    }
  };
  const ask = (row: Row): void => {
    const id = String(row[spec.idKey]);
    modal.confirm({
      title: t("plant.removeAsk", { id: tagOf(id) }), okText: t("plant.remove"), cancelText: t("dialog.cancel"), icon: null, okButtonProps: { className: "destructive" },
      onOk: async () => {
        try {
          await remove<void>(withQuery(`${spec.path}/${encodeURIComponent(id)}`, { version: row.version }));
        } catch (cause) {
          modal.error({ title: asApiError(cause).message, icon: null });
        }
        read.reload();
      },
    });
  };
  return (
    <section className="card" aria-label={t(spec.label)}>
      <div className="toolbar">
        <input className="field" type="search" value={text} placeholder={t("plant.filter")} aria-label={t("plant.filter")} onChange={(e) => setText(e.target.value)} />
        {why ? <span className="s f12">{t(why)}</span> : null}
        <span className="m grow">{read.data ? t("plant.count", { n: formatCount(read.data.length) }) : ""}</span>
        <button type="button" className="btn pri" disabled={!mayChange} title={why ? t(why) : ""} onClick={() => setEditing("new")}>{kind === "enterprise" ? t("plant.newEnterprise") : t("plant.add")}</button>
      </div>
      <Faces of={read} what={t(spec.label)}>
        {(rows) => {
          const shown = rows.filter((r) => matches(r, spec.idKey, text));
          return shown.length === 0 ? <Empty>{t(rows.length > 0 ? "plant.noneFiltered" : "plant.none")}</Empty> : (
            <Table kind={kind} rows={shown} choices={choices} why={why} edit={setEditing} limits={kind === "point" ? (row) => setLimits(row as unknown as Point) : null} drop={spec.removable ? ask : null} />
          );
        }}
      </Faces>
      {editing ? <RecordForm key={editing === "new" ? "new" : `${String(editing[spec.idKey])}/${editing.version ?? 0}`} kind={kind} enterprise={enterprise} row={editing === "new" ? null : editing} choices={choices} near={near} close={() => setEditing(null)} saved={saved} reload={read.reload} /> : null}
      {limits ? <LimitsForm point={limits} why={why} close={() => setLimits(null)} saved={() => { setLimits(null); read.reload(); }} /> : null}
      {holder}
    </section>
  );
}

function matches(row: Row, idKey: string, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  const name = row.name;
  return wanted === "" || [row[idKey], typeof name === "string" ? name : `${name?.zh ?? ""} ${name?.en ?? ""}`, row["device"]].some((x) => String(x ?? "").toLowerCase().includes(wanted));
}

type TableProps = { kind: RecordKind; rows: readonly Row[]; choices: Choices; why: MessageKey | null; edit: (row: Row) => void; limits: ((row: Row) => void) | null; drop: ((row: Row) => void) | null };

function Table({ kind, rows, choices, why, edit, limits, drop }: TableProps) {
  const { t, language } = useI18n();
  const spec = RECORDS[kind];
  const columns = spec.fields.filter((f) => !f.formOnly);
  const cell = (row: Row, field: Field): ReactNode => {
    const { key } = field;
    if (key === "name_zh") return localName(row.name, language);
    const value = row[key];
    if (value === null || value === undefined || value === "") return <span className="m">—</span>;
    if (key === spec.idKey) return tagOf(String(value));
    if (field.words) return codeWords(field, String(value), t);
    if (field.type === "ref") return <span title={String(value)}>{(field.of && choices[field.of]?.find((o) => o.value === value)?.label) ?? tagOf(String(value))}</span>;
    return typeof value === "number" ? formatNumber(value, Number.isInteger(value) ? 0 : 2) : String(value);
  };
  return (
    <div className="wide-table">
      <table className="plain stacked">
        <thead><tr>{columns.map((f) => <th key={f.key} className={f.type === "number" ? "num" : ""}>{t(f.key === "name_zh" ? "field.name" : (`field.${f.key}` as MessageKey))}</th>)}<th /></tr></thead>
        <tbody>
          {rows.map((row) => {
            const id = String(row[spec.idKey]);
            return (
              <tr key={id}>
                {columns.map((f) => <td key={f.key} data-label={t(f.key === "name_zh" ? "field.name" : (`field.${f.key}` as MessageKey))} title={f.key === spec.idKey ? id : undefined} className={f.type === "number" ? "num" : f.key === spec.idKey ? "b nw" : ""}>{cell(row, f)}</td>)}
                <td className="num actions">
                  {limits ? <button type="button" className="btn txt sm" onClick={() => limits(row)}>{t("plant.limits")}</button> : null}
                  <button type="button" className="btn txt sm" disabled={why !== null} title={why ? t(why) : ""} onClick={() => edit(row)}>{t("plant.edit")}</button>
                  {drop ? <button type="button" className="btn txt sm" disabled={why !== null} title={why ? t(why) : ""} onClick={() => drop(row)}>{t("plant.remove")}</button> : null}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
