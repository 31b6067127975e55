/** Conditions of a point beyond its limits: at most one of each kind, each a line of text that the center checks and explains. */
import { Input, InputNumber, Modal, Select } from "antd";
import { useState } from "react";
import { get, put, remove, withQuery } from "../api/client";
import type { components } from "../api/generated";
import type { Level, Point } from "../api/types";
import { asApiError, useResource } from "../api/useResource";
import { useI18n, type MessageKey } from "../i18n";
import { Empty, Faces } from "../ui/faces";
import { availableKinds, bodyOf, draftOf, type Detector, type DetectorDraft, type Kind } from "./detectorDraft";

export function Detectors({ point, why }: { point: Point; why: MessageKey | null }) {
  const { t } = useI18n();
  const path = `/points/${encodeURIComponent(point.id)}/detectors`;
  const read = useResource(`detectors/${point.id}`, async (signal) => (await get<{ items: Detector[] }>(path, {}, signal)).items);
  const [editing, setEditing] = useState<Detector | "new" | null>(null);
  return (
    <section aria-label={t("detectors.title")}>
      <h3 className="limits-history">{t("detectors.title")}</h3>
      <Faces of={read} what={t("detectors.what")}>
        {(all) => (
          <>
            {all.length === 0 ? <Empty>{t("detectors.none")}</Empty> : (
              <table className="plain">
                <tbody>
                  {all.map((d) => <Row key={d.condition} of={d} path={path} why={why} edit={() => setEditing(d)} changed={read.reload} />)}
                </tbody>
              </table>
            )}
            {availableKinds(point.kind, all).length > 0 ? (
              <div style={{ marginTop: 8 }}><button type="button" className="btn sm" disabled={why !== null} title={why ? t(why) : ""} onClick={() => setEditing("new")}>{t("detectors.add")}</button></div>
            ) : null}
            {editing ? (
              <Editor kinds={availableKinds(point.kind, all)} of={editing === "new" ? null : editing} path={path} close={() => setEditing(null)} saved={() => { setEditing(null); read.reload(); }} />
            ) : null}
          </>
        )}
      </Faces>
    </section>
  );
}

function Row({ of, path, why, edit, changed }: { of: Detector; path: string; why: MessageKey | null; edit: () => void; changed: () => void }) {
  const { t } = useI18n();
  const [modal, holder] = Modal.useModal();
  const name = t(`alarms.condition.${of.condition}` as MessageKey);
  const ask = (): void => {
    modal.confirm({
      title: t("detectors.removeAsk", { name }), okText: t("detectors.remove"), cancelText: t("dialog.cancel"), icon: null, okButtonProps: { className: "destructive" },
      onOk: async () => {
        try {
          await remove<void>(withQuery(`${path}/${of.condition}`, { version: of.version }));
        } catch (cause) {
          modal.error({ title: asApiError(cause).message, icon: null });
        }
        changed();
      },
    });
  };
  return (
    <tr>
      <td className="b nw">{name}</td>
      <td style={{ overflowWrap: "anywhere" }}>{of.settings}<div className="s f12">{t("detectors.delays", { on: of.on_delay_ms / 1000, off: of.off_delay_ms / 1000 })}{of.reason ? ` · ${of.reason}` : ""}</div></td>
      <td className="num actions">
        <button type="button" className="btn txt sm" disabled={why !== null} title={why ? t(why) : ""} onClick={edit}>{t("detectors.edit")}</button>
        <button type="button" className="btn txt sm" disabled={why !== null} title={why ? t(why) : ""} onClick={ask}>{t("detectors.remove")}</button>
        {holder}
      </td>
    </tr>
  );
}

function Editor({ kinds, of, path, close, saved }: { kinds: readonly Kind[]; of: Detector | null; path: string; close: () => void; saved: () => void }) {
  const { t } = useI18n();
  const [draft, setDraft] = useState<DetectorDraft>(() => draftOf(of, kinds[0] ?? "EXPRESSION"));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const save = (): void => {
    setBusy(true);
    setProblem(null);
    put<Detector>(`${path}/${draft.condition}`, bodyOf(draft, of?.version ?? 0) satisfies Required<components["schemas"]["DetectorInput"]>)
      .then(saved, (cause: unknown) => setProblem(asApiError(cause).message))
      .finally(() => setBusy(false));
  };
  const ready = draft.settings.trim() !== "" && draft.reason.trim() !== "";
  return (
    <Modal open title={of ? t(`alarms.condition.${of.condition}` as MessageKey) : t("detectors.add")} okText={t("detectors.save")} cancelText={t("dialog.cancel")} okButtonProps={{ disabled: !ready }} confirmLoading={busy} onCancel={close} onOk={save} destroyOnHidden>
      <div className="detector-form">
        {of ? null : (
          <label><span className="s f12">{t("detectors.kind")}</span>
            <Select value={draft.condition} style={{ width: "100%" }} aria-label={t("detectors.kind")} options={kinds.map((kind) => ({ value: kind, label: t(`alarms.condition.${kind}`) }))} onChange={(kind: Kind) => setDraft(draftOf(null, kind))} />
          </label>
        )}
        <p className="s f12">{t(`detectors.help.${draft.condition}`)}</p>
        <label><span className="s f12">{t("detectors.settings")}</span>
          <Input.TextArea rows={3} maxLength={500} value={draft.settings} aria-label={t("detectors.settings")} onChange={(e) => setDraft({ ...draft, settings: e.target.value })} />
        </label>
        <div className="row g8">
          <label style={{ flex: 1 }}><span className="s f12">{t("limits.on")}</span><InputNumber min={0} max={86_400} style={{ width: "100%" }} value={draft.on} aria-label={t("limits.on")} onChange={(on) => setDraft({ ...draft, on })} /></label>
          <label style={{ flex: 1 }}><span className="s f12">{t("limits.off")}</span><InputNumber min={0} max={86_400} style={{ width: "100%" }} value={draft.off} aria-label={t("limits.off")} onChange={(off) => setDraft({ ...draft, off })} /></label>
          <label style={{ flex: 1 }}><span className="s f12">{t("limits.level")}</span>
            <Select style={{ width: "100%" }} value={draft.level ?? 0} aria-label={t("limits.level")} onChange={(v) => setDraft({ ...draft, level: v === 0 ? null : v })}
              options={[{ value: 0, label: t("limits.default") }, ...[1, 2, 3, 4].map((n) => ({ value: n, label: t(`level.${n as Level}`) }))]} />
          </label>
        </div>
        <label><span className="s f12">{t("limits.reason")}</span>
          <Input.TextArea rows={2} maxLength={500} value={draft.reason} aria-label={t("limits.reason")} onChange={(e) => setDraft({ ...draft, reason: e.target.value })} />
        </label>
        {problem ? <p className="t2" role="alert">{problem}</p> : null}
      </div>
    </Modal>
  );
}
