/**
 * The faces of anything read from the center: loading, failed, empty, and the note that what is shown is no longer current. Loading waits
 * 200 ms before it shows a skeleton, and after five seconds says that it is still at it (design-language §9).
 */
import "./faces.css";
import { useEffect, useState, type ReactNode } from "react";
import type { ApiError } from "../api/client";
import type { Resource } from "../api/useResource";
import { useI18n } from "../i18n";
import { Symbol } from "./Symbol";

export function Loading({ rows = 6 }: { rows?: number }) {
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
      {waited === 5000 ? <p className="m">{t("face.stillLoading")}</p> : null}
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

/** Picks the face of one resource; `children` draws it when it is ready. */
export function Faces<T>({ of, what, rows, children }: { of: Resource<T>; what: string; rows?: number; children: (data: T) => ReactNode }) {
  if (of.data !== null) return <>{children(of.data)}</>;
  if (of.error) return <Failed what={what} error={of.error} retry={of.reload} />;
  return <Loading {...(rows ? { rows } : {})} />;
}
