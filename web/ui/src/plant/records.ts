/**
 * What can be created and changed, as data: for each kind of record its address and its fields. One table and one form serve them all, so
 * that a new field is one line here.
 */
import type { components } from "../api/generated";
import type { Name, PointState } from "../api/types";
import type { MessageKey } from "../i18n";

export type RecordKind = "enterprise" | "hazard" | "equipment" | "point" | "camera" | "gateway";
export type Field = {
  key: string;
  /** `open`: known codes are offered in words, others may be typed. */
  type: "text" | "number" | "select" | "open" | "ref" | "place" | "states";
  required?: boolean;
  /** Cannot be changed once it is saved. */
  fixed?: boolean;
  options?: readonly string[];
  /** What the codes of `options` are called: the key of the words before the code. */
  words?: "kind" | "signal" | "flag" | "role.point" | "hazardKind" | "enterprise.hazardGrade";
  /** Records of which kind a `ref` picks from. */
  of?: "region" | "hazard" | "equipment" | "gateway";
  /** Not a column of the table. */
  formOnly?: boolean;
  /** Means something for a discrete point alone. */
  discreteOnly?: boolean;
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
      { key: "decimals", type: "number", formOnly: true }, { key: "scan_ms", type: "number", required: true, formOnly: true }, { key: "states", type: "states", formOnly: true, discreteOnly: true },
      { key: "on_delay_ms", type: "number", formOnly: true, discreteOnly: true }, { key: "off_delay_ms", type: "number", formOnly: true, discreteOnly: true },
      { key: "realarm_ms", type: "number", formOnly: true, discreteOnly: true }, { key: "latching", type: "select", options: ["false", "true"], words: "flag", formOnly: true, discreteOnly: true },
      { key: "chatter_transitions", type: "number", formOnly: true }, { key: "chatter_window_ms", type: "number", formOnly: true }, place,
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
export type Draft = Record<string, string | number | null | undefined | { lon: number; lat: number } | readonly PointState[]>;

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
    else if (type === "states") draft[key] = (row["states"] as readonly PointState[] | undefined) ?? [];
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

type Inputs = {
  enterprise: components["schemas"]["EnterpriseInput"];
  hazard: components["schemas"]["HazardInput"];
  equipment: components["schemas"]["EquipmentInput"];
  point: components["schemas"]["PointInput"];
  camera: components["schemas"]["CameraInput"];
  gateway: components["schemas"]["GatewayInput"];
};
/**
 * Every field that the center takes, none left to its default: the center refuses a field that it does not know, and takes a field that is
 * left out for empty. So one that is added there, or goes there, does not compile here.
 */
type Body<K extends RecordKind> = Required<Inputs[K]>;

/** Reads a draft in the shapes of the interface. A text is never `null` there: blank is "". */
class Reader {
  constructor(
    private draft: Draft,
    private before: Row | null,
  ) {}
  text(key: string): string {
    return String(this.draft[key] ?? "").trim();
  }
  /** `null` where the form was left blank. */
  number(key: string): number | null {
    const value = this.draft[key];
    return value === null || value === undefined || value === "" ? null : Number(value);
  }
  /** For a field that the form requires. */
  required(key: string): number {
    return this.number(key) ?? 0;
  }
  /** The form does not show it: it stays as it was read. */
  kept(key: string): number | null {
    const value = this.before?.[key];
    return typeof value === "number" ? value : null;
  }
  get name(): Name {
    return { zh: this.text("name_zh"), en: this.text("name_en") || this.text("name_zh") };
  }
  get place(): { longitude: number | null; latitude: number | null } {
    const at = this.draft["place"] as { lon: number; lat: number } | null | undefined;
    return { longitude: at?.lon ?? null, latitude: at?.lat ?? null };
  }
  get states(): PointState[] {
    // States of an analog point mean nothing; the kind may have been changed after they were entered.
    if (this.text("kind") !== "discrete") return [];
    const states = (this.draft["states"] ?? []) as readonly PointState[];
    return states.map(({ value, name, alarm }) => ({ value, name: { zh: name.zh.trim(), en: name.en.trim() || name.zh.trim() }, alarm }));
  }
  /** Of the state alarm. An analog point has its delays with its limits, and the center refuses them here. */
  stateDelay(key: string): number {
    return this.text("kind") === "discrete" ? (this.number(key) ?? 0) : 0;
  }
  /** The same for what is on or off. */
  stateFlag(key: string): boolean {
    return this.text("kind") === "discrete" && this.text(key) === "true";
  }
  get version(): number | null {
    return this.before?.version ?? null;
  }
}

// The return types are written out: only so does a field too many fail to compile.
const BODIES: { [K in RecordKind]: (r: Reader) => Body<K> } = {
  enterprise: (r): Body<"enterprise"> => ({
    code: r.text("code"), name: r.name, credit_code: r.text("credit_code"), region: r.text("region"), industry_code: r.text("industry_code"), address: r.text("address"),
    principal: r.text("principal"), phone: r.text("phone"), ...r.place, version: r.version,
  }),
  hazard: (r): Body<"hazard"> => ({ code: r.text("code"), name: r.name, level: r.required("level"), kind: r.text("kind"), version: r.version }),
  equipment: (r): Body<"equipment"> => ({
    id: r.text("id"), name: r.name, kind: r.text("kind"), hazard: r.text("hazard") || null, medium: r.text("medium"), cas: r.text("cas"), volume_m3: r.number("volume_m3"), ...r.place, version: r.version,
  }),
  point: (r): Body<"point"> => ({
    id: r.text("id"), name: r.name, equipment: r.text("equipment"), gateway: r.text("gateway"), device: r.text("device"), kind: r.text("kind"), signal: r.text("signal"), role: r.text("role"),
    unit: r.text("unit"), range: [r.required("range_lo"), r.required("range_hi")], decimals: r.required("decimals"), scan_ms: r.required("scan_ms"), states: r.states,
    on_delay_ms: r.stateDelay("on_delay_ms"), off_delay_ms: r.stateDelay("off_delay_ms"),
    realarm_ms: r.stateDelay("realarm_ms"), latching: r.stateFlag("latching"), chatter_transitions: r.number("chatter_transitions") ?? 0, chatter_window_ms: r.number("chatter_window_ms"),
    missing_scans: r.kept("missing_scans"), frozen_ms: r.kept("frozen_ms"), ...r.place, version: r.version,
  }),
  camera: (r): Body<"camera"> => ({ id: r.text("id"), name: r.name, equipment: r.text("equipment") || null, url: r.text("url"), ...r.place, version: r.version }),
  gateway: (r): Body<"gateway"> => ({ id: r.text("id"), name: r.text("name_zh"), new_secret: false, version: r.version }),
};

/** What is sent: what the form holds and, of what it does not show, what was read. */
export function fromDraft<K extends RecordKind>(kind: K, before: Row | null, draft: Draft): Body<K> {
  return BODIES[kind](new Reader(draft, before));
}
