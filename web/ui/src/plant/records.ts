/**
 * What can be created and changed, as data: for each kind of record its address and its fields. One table and one form serve them all, so
 * that a new field is one line here.
 */
import type { Name } from "../api/types";
import type { MessageKey } from "../i18n";

export type RecordKind = "enterprise" | "hazard" | "equipment" | "point" | "camera" | "gateway";
export type Field = {
  key: string;
  /** `open`: known codes are offered in words, others may be typed. */
  type: "text" | "number" | "select" | "open" | "ref" | "place";
  required?: boolean;
  /** Cannot be changed once it is saved. */
  fixed?: boolean;
  options?: readonly string[];
  /** What the codes of `options` are called: the key of the words before the code. */
  words?: "kind" | "signal" | "role.point" | "hazardKind" | "enterprise.hazardGrade";
  /** Records of which kind a `ref` picks from. */
  of?: "region" | "hazard" | "equipment" | "gateway";
  /** Not a column of the table. */
  formOnly?: boolean;
};
export type RecordSpec = { path: string; idKey: string; list: (enterprise: string) => Record<string, string>; fields: readonly Field[]; removable: boolean; label: MessageKey };

const names: readonly Field[] = [
  { key: "name_zh", type: "text", required: true },
  { key: "name_en", type: "text", formOnly: true },
];
const SIGNALS = ["level", "pressure", "temperature", "flow", "gas_combustible", "gas_toxic", "oxygen", "state", "humidity", "wind_speed", "wind_direction"];
const ROLES = ["level", "pressure", "temperature", "flow", "detector", "valve", "pump", "interlock", "agitator", "compressor", "fan", "smoke", "door", "humidity", "wind_speed", "wind_direction"];
const place: Field = { key: "place", type: "place", formOnly: true };

export const RECORDS: Record<RecordKind, RecordSpec> = {
  enterprise: {
    path: "/enterprises", idKey: "code", list: () => ({}), removable: false, label: "plant.tab.enterprise",
    fields: [
      { key: "code", type: "text", required: true, fixed: true }, ...names,
      { key: "credit_code", type: "text", required: true, formOnly: true }, { key: "region", type: "ref", of: "region", required: true },
      { key: "industry_code", type: "text" }, { key: "address", type: "text", formOnly: true }, { key: "principal", type: "text" }, { key: "phone", type: "text" }, place,
    ],
  },
  hazard: {
    path: "/hazard-sources", idKey: "code", list: (enterprise) => ({ enterprise }), removable: false, label: "plant.tab.hazard",
    fields: [{ key: "code", type: "text", required: true, fixed: true }, ...names, { key: "level", type: "select", options: ["1", "2", "3", "4"], words: "enterprise.hazardGrade", required: true }, { key: "kind", type: "open", options: ["tank_farm", "unit", "warehouse"], words: "hazardKind" }],
  },
  equipment: {
    path: "/equipment", idKey: "id", list: (enterprise) => ({ enterprise }), removable: true, label: "plant.tab.equipment",
    fields: [
      { key: "id", type: "text", required: true, fixed: true }, ...names, { key: "kind", type: "select", options: ["tank", "sphere", "htank", "unit", "warehouse", "area"], words: "kind", required: true },
      { key: "hazard", type: "ref", of: "hazard" }, { key: "medium", type: "text" }, { key: "cas", type: "text", formOnly: true }, { key: "volume_m3", type: "number" }, place,
    ],
  },
  point: {
    path: "/points", idKey: "id", list: (enterprise) => ({ enterprise }), removable: true, label: "plant.tab.point",
    fields: [
      { key: "id", type: "text", required: true, fixed: true }, ...names, { key: "equipment", type: "ref", of: "equipment", required: true }, { key: "gateway", type: "ref", of: "gateway", required: true, formOnly: true },
      { key: "device", type: "text", required: true, formOnly: true }, { key: "kind", type: "select", options: ["analog", "discrete"], words: "kind", required: true, formOnly: true }, { key: "signal", type: "open", options: SIGNALS, words: "signal", required: true },
      { key: "role", type: "open", options: ROLES, words: "role.point", formOnly: true }, { key: "unit", type: "text" }, { key: "range_lo", type: "number", required: true, formOnly: true }, { key: "range_hi", type: "number", required: true, formOnly: true },
      { key: "decimals", type: "number", formOnly: true }, { key: "scan_ms", type: "number", required: true, formOnly: true }, place,
    ],
  },
  camera: {
    path: "/cameras", idKey: "id", list: (enterprise) => ({ enterprise }), removable: true, label: "plant.tab.camera",
    fields: [{ key: "id", type: "text", required: true, fixed: true }, ...names, { key: "equipment", type: "ref", of: "equipment" }, { key: "url", type: "text", formOnly: true }, place],
  },
  gateway: {
    path: "/gateways", idKey: "id", list: (enterprise) => ({ enterprise }), removable: false, label: "plant.tab.gateway",
    fields: [{ key: "id", type: "text", required: true, fixed: true }, { key: "name_zh", type: "text", required: true }],
  },
};

export type Row = Record<string, unknown> & { version?: number; name?: Name | string | null };
export type Draft = Record<string, string | number | null | undefined | { lon: number; lat: number }>;

/** A record as the form shows it: names and range taken apart, the place as one thing. */
export function toDraft(row: Row, fields: readonly Field[]): Draft {
  const draft: Draft = {};
  const name = row.name;
  const range = row["range"] as readonly [number, number] | undefined;
  for (const { key, type } of fields) {
    if (key === "name_zh") draft[key] = typeof name === "string" ? name : (name?.zh ?? "");
    else if (key === "name_en") draft[key] = typeof name === "string" ? "" : (name?.en ?? "");
    else if (key === "range_lo") draft[key] = range?.[0];
    else if (key === "range_hi") draft[key] = range?.[1];
    else if (type === "place") {
      const { longitude: lon, latitude: lat } = row as { longitude?: number | null; latitude?: number | null };
      draft[key] = lon != null && lat != null ? { lon, lat } : null;
    } else {
      const value = row[key];
      draft[key] = type === "select" && value != null ? String(value) : ((value as string | number | null | undefined) ?? null);
    }
  }
  return draft;
}

/** What is sent: the record as it was read, with what the form holds laid over it. */
export function fromDraft(kind: RecordKind, enterprise: string, before: Row | null, draft: Draft): Row {
  const body: Row = { ...(before ?? {}) };
  // Derived by the center; sending them back would only invite conflicts.
  for (const derived of ["rollup", "value", "points", "limits", "counts_by_kind", "tag", "hazards", "cameras", "hazard_level"]) delete body[derived];
  if (kind !== "enterprise" && !("enterprise" in body) && kind !== "point") body["enterprise"] = enterprise;
  for (const { key, type } of RECORDS[kind].fields) {
    const value = draft[key];
    if (key === "name_zh" || key === "name_en" || key === "range_lo" || key === "range_hi") continue;
    if (type === "place") {
      const at = value as { lon: number; lat: number } | null | undefined;
      body["longitude"] = at?.lon ?? null;
      body["latitude"] = at?.lat ?? null;
    } else if (kind === "hazard" && key === "level") body[key] = value == null || value === "" ? null : Number(value);
    else body[key] = value === "" || value === undefined ? null : value;
  }
  const text = (key: string): string => String(draft[key] ?? "").trim();
  body.name = kind === "gateway" ? text("name_zh") : { zh: text("name_zh"), en: text("name_en") || text("name_zh") };
  if (kind === "point") body["range"] = [Number(draft["range_lo"]), Number(draft["range_hi"])];
  return body;
}
