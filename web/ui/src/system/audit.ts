/**
 * The audit log in words. The center writes codes and short English lines; what is known of them is put into the reader's language here, and
 * what is not known is shown as it stands.
 */
import { tagOf } from "../alarms/alarm";
import type { MessageKey, Translate } from "../i18n";
import { zhCN } from "../i18n/zh-CN";
import { formatCount } from "../ui/number";
import type { AuditRow } from "./types";

const known = (key: string): key is MessageKey => key in zhCN;

export function actionWords(action: string, t: Translate): string {
  const key = `audit.action.${action}`;
  return known(key) ? t(key) : action;
}

/** The kinds of the registry by the names that the log gives them, and the tables by which an import counts. */
const KINDS = ["hazard source", "alarm defaults", "detector", "map feature", "region", "enterprise", "equipment", "gateway", "point", "camera", "user", "alarm", "scenario", "contact", "duty unit", "duty member", "duty rotation", "duty day", "duty swap", "stand-in"] as const;
const kindKey = (kind: string): string => `audit.kind.${kind.replace(" ", "_")}`;
const TABLES: Record<string, string> = { regions: "region", enterprises: "enterprise", hazard_sources: "hazard source", gateways: "gateway", points: "point", cameras: "camera", users: "user", map_features: "map feature", equipment: "equipment", limits: "limits", detectors: "detector", contacts: "contact", duty_units: "duty unit", duty_members: "duty member", duty_rotations: "duty rotation", duty_days: "duty day", duty_swaps: "duty swap", duty_stand_ins: "stand-in" };

export type AuditObject = { kind: string; name: string; to: string | null };

/** `point 410205001.LT-1` → 点位 LT-1, and where it can be looked at. */
export function objectOf(object: string, t: Translate): AuditObject {
  const whole = `audit.object.${object}`;
  if (known(whole)) return { kind: t(whole), name: "", to: null };
  const kind = KINDS.find((k) => object.startsWith(`${k} `));
  if (!kind) return { kind: "", name: object, to: null };
  const key = object.slice(kind.length + 1);
  const word = t(kindKey(kind) as MessageKey);
  const id = encodeURIComponent(key);
  switch (kind) {
    case "alarm": {
      const [subject = key, condition = ""] = key.split("|");
      const short = `alarms.condition.${condition}`;
      return { kind: word, name: [tagOf(subject), known(short) ? t(short) : condition].filter(Boolean).join(" "), to: `/alarms?alarm=${id}` };
    }
    case "detector": {
      const [point = key, condition = ""] = key.split("|");
      const short = `alarms.condition.${condition}`;
      return { kind: word, name: [tagOf(point), known(short) ? t(short) : condition].filter(Boolean).join(" "), to: null };
    }
    case "scenario": {
      const title = `audit.scenario.${key}`;
      return { kind: word, name: known(title) ? t(title) : key, to: null };
    }
    case "equipment":
      return { kind: word, name: tagOf(key), to: `/equipment/${id}` };
    case "enterprise":
      return { kind: word, name: key, to: `/enterprises/${id}` };
    case "duty unit": case "duty member": case "duty rotation": case "duty day": case "duty swap": case "stand-in": {
      // The key begins with its unit; a day of every unit begins with a star.
      const [unit = key, ...rest] = key.split("/");
      return { kind: word, name: [unit === "*" ? "" : unit.replace(/^\w+:/, ""), ...rest].filter(Boolean).join(" "), to: unit === "*" ? null : `/duty/${encodeURIComponent(unit)}` };
    }
    case "contact":
      return { kind: word, name: key, to: null };
    case "region": case "hazard source": case "gateway": case "point": case "camera": case "alarm defaults": case "map feature": case "user":
      return { kind: word, name: tagOf(key), to: null };
  }
}

/** One line of what changed: a name in ink3 and its words. */
export type AuditLine = { label: string; words: string };

export function detailLines({ action, object, detail }: Pick<AuditRow, "action" | "object" | "detail">, t: Translate): AuditLine[] {
  if (!detail) return [];
  const plain = (words: string): AuditLine[] => [{ label: "", words }];
  switch (action) {
    case "import":
      return detail.split("\n").map((line) => importLine(line, t));
    case "change":
      return changes(detail).map(({ field, before, after }) => ({ label: fieldWords(field, object, t), words: `${valueWords(before, t)} → ${valueWords(after, t)}` }));
    case "limits": {
      const [, version, rest] = /^(\d+): ([\s\S]*)$/.exec(detail) ?? [];
      return version === undefined ? plain(detail) : [{ label: t("audit.version", { n: version }), words: rest === "none" ? t("audit.noLimits") : (rest ?? "").replace(/^none \(/, `${t("audit.noLimits")} (`) }];
    }
    case "sign_in_failed": {
      const left = /^(\d+) tries left$/.exec(detail)?.[1];
      return plain(left !== undefined ? t("audit.triesLeft", { n: left }) : detail === "locked" ? t("audit.locked") : detail);
    }
    case "fault":
      return jsonLines(detail) ?? plain(detail);
    default:
      return plain(detail);
  }
}

/** `points: 1128 created, 0 changed, 0 as they were`: what is nought is left out. */
function importLine(line: string, t: Translate): AuditLine {
  const [, table, created, changed, same] = /^(\w+): (\d+) created, (\d+) changed, (\d+) as they were$/.exec(line) ?? [];
  if (table === undefined) return { label: "", words: line };
  const counts = ([["audit.created", created], ["audit.changed", changed], ["audit.same", same]] as const).flatMap(([key, n]) => (Number(n) > 0 ? [t(key, { n: formatCount(Number(n)) })] : []));
  const kind = TABLES[table];
  return { label: kind === undefined ? table : t(kindKey(kind) as MessageKey), words: counts.join(t("audit.comma")) };
}

type Difference = { field: string; before: string; after: string };

/** `unit: "%" → "m"; longitude: None → Some(114.3)`; a text may hold a semicolon of its own. */
export function changes(detail: string): Difference[] {
  return detail.split(/; (?=[a-z_]+: )/).flatMap((part) => {
    const [, field, before, after] = /^([a-z_]+): ([\s\S]*) → ([\s\S]*)$/.exec(part) ?? [];
    return field === undefined || before === undefined || after === undefined ? [{ field: "", before: part, after: "" }] : [{ field, before, after }];
  });
}

function fieldWords(field: string, object: string | null, t: Translate): string {
  const own = object?.startsWith("user ") ? `users.${field}` : `field.${field}`;
  const key = known(own) ? own : `field.${field}`;
  return known(key) ? t(key) : field;
}

/** A value as the center's own notation writes it: `None`, `Some(1.5)`, `"text"`, `RegionCode("410205")`. */
export function valueWords(value: string, t: Translate): string {
  if (value === "None" || value === '""') return t("value.none");
  const wrapped = /^[A-Z]\w*\(([\s\S]*)\)$/.exec(value)?.[1];
  if (wrapped !== undefined) return valueWords(wrapped, t);
  if (/^"[\s\S]*"$/.test(value)) {
    try {
      return String(JSON.parse(value));
    } catch {
      return value.slice(1, -1);
    }
  }
  return value;
}

function jsonLines(text: string): AuditLine[] | null {
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read !== "object" || read === null || Array.isArray(read)) return null;
    return [{ label: "", words: Object.entries(read).map(([k, v]) => `${k} ${typeof v === "object" ? JSON.stringify(v) : String(v)}`).join(", ") }];
  } catch {
    return null;
  }
}
