/**
 * The faces of anything read from the center: loading, failed, empty, and the note that what is shown is no longer current. Loading waits
 * 200 ms before it shows a skeleton, and after five seconds says that it is still at it (design-language §9).
 */
import "./faces.css";
import { useEffect, useState, type ReactNode } from "react";
import type { ApiError } from "../api/client";
import type { Resource } from "../api/useResource";
import { useI18n } from "../i18n";
import { now } from "./clock";
import { Symbol } from "./Symbol";
import { clockTime } from "./time";

export function Loading({ rows = 6, cancel }: { rows?: number; cancel?: () => void }) {
  const { t } = useI18n();
  const [waited, setWaited] = useState<0 | 200 | 5000>(0);
  useEffect(() => {
    const timers = ([200, 5000] as const).map((ms) => setTimeout(() => setWaited(ms), ms));
    return () => timers.forEach(clearTimeout);
  }, []);
  if (waited === 0) return <div className="face" aria-busy="true" />;
  return (
    <div className="face" role="status" aria-busy="true">
      <span className="visually-hidden">{t("face.loading")}</span>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className="skeleton" style={{ width: `${92 - ((i * 17) % 40)}%` }} />
      ))}
      {waited === 5000 ? <p className="m row g12">{t("face.stillLoading")}{cancel ? <button type="button" className="btn sm" onClick={cancel}>{t("face.cancel")}</button> : null}</p> : null}
    </div>
  );
}

export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="face empty">
      <p>{children}</p>
      {action}
    </div>
  );
}

export function Failed({ what, error, retry }: { what: string; error: ApiError; retry: () => void }) {
  const { t } = useI18n();
  if (error.status === 403) return <div className="face empty" role="status"><p>{t("face.forbidden")}</p></div>;
  return (
    <div className="face failed" role="alert">
      <p>
        <Symbol name="ui-info" className="t2" />
        <b>{t("face.failed", { what })}</b>
      </p>
      <p className="s">{error.status === 0 ? t("error.network") : error.message}</p>
      <p className="m f12">{t("face.failedStill")} {t("face.code", { code: error.code })}</p>
      <button type="button" className="btn sm" onClick={retry}>{t("face.retry")}</button>
    </div>
  );
}

/** Over what was read before and could not be read again: until when it holds. */
function NotCurrent({ at, retry }: { at: number; retry: () => void }) {
  const { t } = useI18n();
  return (
    <p className="face-note row g8" role="status">
      <Symbol name="q-stale" size={14} />
      <span className="grow">{t("face.stale", { time: clockTime(at) })}</span>
      <button type="button" className="btn sm" onClick={retry}>{t("face.retry")}</button>
    </p>
  );
}

/** Picks the face of one resource; `children` draws it when it is ready. What is shown although it could not be read again says so. */
export function Faces<T>({ of, what, rows, children }: { of: Resource<T>; what: string; rows?: number; children: (data: T) => ReactNode }) {
  const { t } = useI18n();
  const [cancelled, setCancelled] = useState(false);
  const [readAt, setReadAt] = useState(now);
  const { data, error, loading, reload } = of;
  useEffect(() => {
    if (data !== null && !error && !loading) setReadAt(now());
  }, [data, error, loading]);
  if (data !== null) {
    return (
      <>
        {error ? <NotCurrent at={readAt} retry={reload} /> : null}
        {children(data)}
      </>
    );
  }
  if (error) return <Failed what={what} error={error} retry={reload} />;
  const again = (): void => {
    setCancelled(false);
    reload();
  };
  if (cancelled) return <Empty action={<button type="button" className="btn sm" onClick={again}>{t("face.retry")}</button>}>{t("face.cancelled", { what })}</Empty>;
  return <Loading {...(rows ? { rows } : {})} cancel={() => setCancelled(true)} />;
}
