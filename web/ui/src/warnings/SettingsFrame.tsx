/** What rules and ladder have in common: which version is in force and who made it, and saving a new one with a reason. */
import { useState, type ReactNode } from "react";
import { asApiError } from "../api/useResource";
import { useI18n } from "../i18n";
import { useNeedsCenter } from "../live/hooks";
import { useUser } from "../session/session";
import { listTime } from "../ui/time";
import type { Version, Versions } from "./settings";

export function VersionLine<T>({ of }: { of: Version<T> }) {
  const { t } = useI18n();
  if (of.version === 0) return <p className="proposal">{t("rules.shipped")}</p>;
  return <p className="s rules-foot">{t("rules.version", { n: of.version, who: of.by ?? "—", time: of.at === null ? "—" : listTime(of.at), reason: of.reason })}</p>;
}

type Props = { changed: boolean; save: (reason: string) => Promise<unknown>; cancel: () => void };

export function SaveBar({ changed, save, cancel }: Props) {
  const { t } = useI18n();
  const away = useNeedsCenter();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const press = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await save(reason);
      setReason("");
    } catch (cause) {
      setProblem(asApiError(cause).message);
    } finally {
      setBusy(false);
    }
  };
  if (!changed) return null;
  return (
    <div className="rules-foot">
      <input aria-label={t("rules.reason")} placeholder={t("rules.reason")} value={reason} maxLength={500} onChange={(e) => setReason(e.target.value)} />
      <button type="button" className="btn" onClick={cancel}>{t("dialog.cancel")}</button>
      <button type="button" className="btn pri" disabled={busy || away !== null || reason.trim() === ""} onClick={() => void press()}>{t("rules.save")}</button>
      {problem ? <p className="t2" role="alert">{problem}</p> : null}
    </div>
  );
}

export function Earlier<T>({ of }: { of: Versions<T> }): ReactNode {
  const { t } = useI18n();
  const made = of.earlier.filter((v) => v.version > 0);
  if (made.length === 0) return null;
  return (
    <details className="rules-foot">
      <summary>{t("rules.earlier")}</summary>
      <ul>{made.map((v) => <li key={v.version} className="s">{t("rules.version", { n: v.version, who: v.by ?? "—", time: v.at === null ? "—" : listTime(v.at), reason: v.reason })}</li>)}</ul>
    </details>
  );
}

export function useMayEditSettings(): boolean {
  return useUser().role === "administrator";
}
