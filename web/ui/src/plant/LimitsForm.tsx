/** Limits of one point: a new version at each save, checked by the center, with who and why; older versions below. */
import { Checkbox, Drawer, Input, InputNumber, Select } from "antd";
import { useState } from "react";
import { get, put } from "../api/client";
import type { components } from "../api/generated";
import type { Level, Limit, LimitKey, Limits, Point } from "../api/types";
import { asApiError, useResource } from "../api/useResource";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { Empty, Faces } from "../ui/faces";
import { formatNumber } from "../ui/number";
import { listTime } from "../ui/time";
import { Detectors } from "./Detectors";
import { blankOf, type AlarmDefaults, type Blank } from "./defaults";

export type LimitName = LimitKey | "rate_per_min";
export const LIMIT_NAMES: readonly LimitName[] = ["hh", "h", "l", "ll", "rate_per_min"];
const TITLE: Record<LimitName, string> = { hh: "HH", h: "H", l: "L", ll: "LL", rate_per_min: "ROC" };
/** Delays in seconds, the time to call again after in minutes. */
type Cells = { value: number | null; deadband: number | null; on: number | null; off: number | null; level: number | null; again: number | null; latching: boolean };
export type LimitsDraft = Record<LimitName, Cells>;

/** A row that sets no limit begins with the defaults of the signal type. */
export function draftOf(limits: Limits | null, blank: (name: LimitName) => Blank = () => ({ deadband: 0, on: 0, off: 0 })): LimitsDraft {
  const cells = (name: LimitName, limit: Limit | null | undefined): Cells =>
    limit
      ? { value: limit.value, deadband: limit.deadband, on: limit.on_delay_ms / 1000, off: limit.off_delay_ms / 1000, level: limit.level, again: limit.realarm_ms / 60_000, latching: limit.latching }
      : { value: null, ...blank(name), level: null, again: 0, latching: false };
  return Object.fromEntries(LIMIT_NAMES.map((name) => [name, cells(name, limits?.[name])])) as LimitsDraft;
}

/** A row without a value sets no limit. */
export function limitsOf(draft: LimitsDraft): Record<LimitName, Limit | null> {
  const limit = ({ value, deadband, on, off, level, again, latching }: Cells): Limit | null =>
    value === null
      ? null
      : { value, deadband: deadband ?? 0, on_delay_ms: Math.round((on ?? 0) * 1000), off_delay_ms: Math.round((off ?? 0) * 1000), level, realarm_ms: Math.round((again ?? 0) * 60_000), latching };
  return Object.fromEntries(LIMIT_NAMES.map((name) => [name, limit(draft[name])])) as Record<LimitName, Limit | null>;
}

type Version = Limits & { by?: string | null; at?: number | null; reason?: string | null };

export function LimitsForm({ point, why, close, saved }: { point: Point; why: MessageKey | null; close: () => void; saved: () => void }) {
  const { t, language } = useI18n();
  const versions = useResource(`limits/${point.id}`, async (signal) => {
    const [answer, defaults] = await Promise.all([
      get<Version[] | { items: Version[] }>(`/points/${encodeURIComponent(point.id)}/limits`, {}, signal),
      get<{ items: AlarmDefaults[] }>("/alarm-defaults", {}, signal),
    ]);
    return { all: Array.isArray(answer) ? answer : answer.items, defaults: defaults.items };
  });
  return (
    <Drawer open size={Math.min(760, window.innerWidth)} title={t("limits.title", { tag: `${point.tag} ${localName(point.name, language)}` })} onClose={close} destroyOnHidden>
      <Faces of={versions} what={t("limits.what")}>
        {({ all, defaults }) => (
          <>
            <Editor key={all[0]?.version ?? 0} point={point} why={why} now={all[0] ?? null} defaults={defaults} close={close} saved={saved} />
            <Detectors point={point} why={why} />
            <h3 className="limits-history">{t("limits.history")}</h3>
            {all.length === 0 ? <Empty>{t("limits.never")}</Empty> : <History versions={all} point={point} />}
          </>
        )}
      </Faces>
    </Drawer>
  );
}

function Editor({ point, why, now, defaults, close, saved }: { point: Point; why: MessageKey | null; now: Version | null; defaults: readonly AlarmDefaults[]; close: () => void; saved: () => void }) {
  const { t } = useI18n();
  const [draft, setDraft] = useState<LimitsDraft>(() => draftOf(now, blankOf(defaults, point)));
  const [pairs, setPairs] = useState({ exclusive_high: now?.exclusive_high ?? false, exclusive_low: now?.exclusive_low ?? false });
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const set = <C extends keyof Cells>(name: LimitName, cell: C, value: Cells[C]): void => setDraft((d) => ({ ...d, [name]: { ...d[name], [cell]: value } }));
  const both = (graver: LimitKey, lesser: LimitKey): boolean => draft[graver].value !== null && draft[lesser].value !== null;
  const exclusive = { exclusive_high: pairs.exclusive_high && both("hh", "h"), exclusive_low: pairs.exclusive_low && both("ll", "l") };
  const save = (): void => {
    setBusy(true);
    setProblem(null);
    const { hh, h, l, ll, rate_per_min } = limitsOf(draft);
    const body: Required<components["schemas"]["LimitsInput"]> = { hh, h, l, ll, rate_per_min, ...exclusive, reason, version: now?.version ?? 0 };
    put<unknown>(`/points/${encodeURIComponent(point.id)}/limits`, body)
      .then(saved, (cause: unknown) => setProblem(asApiError(cause).message))
      .finally(() => setBusy(false));
  };
  const number = (name: LimitName, cell: "value" | "deadband" | "on" | "off" | "again", label: MessageKey) => (
    <td data-label={t(label)}><InputNumber style={{ width: "100%" }} value={draft[name][cell]} onChange={(v) => set(name, cell, v)} aria-label={`${TITLE[name]} ${t(label)}`} /></td>
  );
  return (
    <>
      <p className="m f12">{now ? t("limits.inForce", { n: now.version }) : t("limits.never")} · {formatNumber(point.range[0], 0)} … {formatNumber(point.range[1], 0)} {point.unit} · {t("limits.order")} · {t("limits.rule")} · {t("limits.defaults")}</p>
      <div className="wide-table">
        <table className="plain limits-table stacked">
          <thead><tr><th /><th>{t("limits.value")} {point.unit}</th><th>{t("limits.deadband")}</th><th>{t("limits.on")}</th><th>{t("limits.off")}</th><th>{t("limits.level")}</th><th>{t("limits.again")}</th><th>{t("limits.latching")}</th></tr></thead>
          <tbody>
            {LIMIT_NAMES.map((name) => (
              <tr key={name}>
                <td className="b nw whole">{name === "rate_per_min" ? t("limits.ROC", { unit: point.unit }) : TITLE[name]}</td>
                {number(name, "value", "limits.value")}{number(name, "deadband", "limits.deadband")}{number(name, "on", "limits.on")}{number(name, "off", "limits.off")}
                <td data-label={t("limits.level")}>
                  <Select style={{ width: "100%", minWidth: 84 }} value={draft[name].level ?? 0} onChange={(v) => set(name, "level", v === 0 ? null : v)} aria-label={`${TITLE[name]} ${t("limits.level")}`}
                    options={[{ value: 0, label: t("limits.default") }, ...[1, 2, 3, 4].map((n) => ({ value: n, label: t(`level.${n as Level}`) }))]} />
                </td>
                {number(name, "again", "limits.again")}
                <td data-label={t("limits.latching")}><Checkbox checked={draft[name].latching} onChange={(e) => set(name, "latching", e.target.checked)} aria-label={`${TITLE[name]} ${t("limits.latching")}`} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="row g16 limits-pairs">
        <Checkbox checked={exclusive.exclusive_high} disabled={!both("hh", "h")} onChange={(e) => setPairs((p) => ({ ...p, exclusive_high: e.target.checked }))}>{t("limits.exclusive", { graver: "HH", lesser: "H" })}</Checkbox>
        <Checkbox checked={exclusive.exclusive_low} disabled={!both("ll", "l")} onChange={(e) => setPairs((p) => ({ ...p, exclusive_low: e.target.checked }))}>{t("limits.exclusive", { graver: "LL", lesser: "L" })}</Checkbox>
      </div>
      <Input.TextArea rows={2} value={reason} onChange={(e) => setReason(e.target.value)} placeholder={t("limits.reason")} aria-label={t("limits.reason")} style={{ marginTop: 12 }} />
      {why === "plant.readOnly" ? <p className="s f12" style={{ marginTop: 8 }}>{t(why)}</p> : null}
      {problem ? <p className="t2" role="alert" style={{ marginTop: 8 }}>{problem}</p> : null}
      <div className="row g8" style={{ justifyContent: "flex-end", marginTop: 12 }}>
        <button type="button" className="btn" onClick={close}>{t("dialog.cancel")}</button>
        <button type="button" className="btn pri" disabled={busy || why !== null || reason.trim() === ""} title={why ? t(why) : reason.trim() === "" ? t("limits.needReason") : ""} onClick={save}>{t(why === "action.needsStream" ? why : "limits.save")}</button>
      </div>
    </>
  );
}

function History({ versions, point }: { versions: readonly Version[]; point: Point }) {
  const { t } = useI18n();
  return (
    <table className="plain">
      <tbody>
        {versions.map((v) => (
          <tr key={v.version}>
            <td className="b nw">{v.version}</td>
            <td>{LIMIT_NAMES.flatMap((name) => { const limit = v[name]; return limit ? [`${TITLE[name]} ${formatNumber(limit.value, point.decimals)}`] : []; }).concat(v.exclusive_high ? [t("limits.excludes", { graver: "HH", lesser: "H" })] : [], v.exclusive_low ? [t("limits.excludes", { graver: "LL", lesser: "L" })] : []).join(" · ") || "—"}</td>
            <td className="s">{v.reason}</td>
            <td className="m nw">{v.by && v.at ? t("limits.by", { by: v.by === "import" ? t("audit.action.import") : v.by, time: listTime(v.at) }) : ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
