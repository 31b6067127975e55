/** The sign-in page: brand, account and password, language, and whether the platform runs. */
import "./sign-in.css";
import { useEffect, useMemo, useRef, useState, type FormEvent } from "react";
import { get } from "../api/client";
import { useResource } from "../api/useResource";
import type { Status } from "../api/types";
import { useI18n, type Language } from "../i18n";
import { Symbol } from "../ui/Symbol";
import { refusalOf, type Refusal } from "./refusal";
import { useSession } from "./session";

/** The contour lines of the background: water that settles. Drawn once from a fixed formula. */
function contours(): string[] {
  return Array.from({ length: 30 }, (_, line) => {
    const depth = line / 29;
    const base = 150 + depth ** 1.6 * 800;
    const swell = 2 + depth ** 2 * 46;
    let path = "";
    for (let x = 0; x <= 1080; x += 12) {
      const fade = Math.max(0, 1 - x / 1200);
      const y = base + swell * fade * (Math.sin(x / 96 + line * 0.9) + 0.6 * Math.sin(x / 41 - line * 1.3 + 2));
      path += `${x === 0 ? "M" : "L"}${x} ${y.toFixed(1)}`;
    }
    return path;
  });
}

export function SignIn() {
  const { t, language, setLanguage } = useI18n();
  const { state, signIn } = useSession();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const userField = useRef<HTMLInputElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);
  const status = useResource("status", (signal) => get<Status>("/status", undefined, signal), 10_000);
  const lines = useMemo(contours, []);
  useEffect(() => userField.current?.focus(), []);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (!username.trim()) return setRefusal({ key: "session.needUser", field: "username" });
    if (!password) return setRefusal({ key: "session.needPassword", field: "password" });
    setBusy(true);
    setRefusal(null);
    try {
      await signIn(username.trim(), password);
    } catch (cause) {
      const why = refusalOf(cause, Date.now());
      setRefusal(why);
      setBusy(false);
      (why.field === "username" ? userField : passwordField).current?.focus();
    }
  };
  const wrong = (field: "username" | "password"): boolean => refusal?.field === field;

  return (
    <div className="sign-in">
      <svg className="contours" viewBox="0 0 1080 900" preserveAspectRatio="xMinYMid slice" aria-hidden="true">
        <defs>
          <linearGradient id="contour-fade" x1="0" x2="1">
            <stop offset=".45" stopColor="#fff" />
            <stop offset="1" stopColor="#fff" stopOpacity="0" />
          </linearGradient>
          <mask id="contour-mask"><rect width="1080" height="1100" fill="url(#contour-fade)" /></mask>
        </defs>
        <g mask="url(#contour-mask)">
          {lines.map((d, i) => <path key={i} d={d} fill="none" stroke="var(--accent)" strokeWidth={0.6 + (i / 29) * 0.9} opacity={0.1 + (i / 29) * 0.36} />)}
        </g>
      </svg>
      <div className="sign-in-brand">
        <Symbol name="logo" size={40} className="logo" />
        <span className="brand-zh">安澜</span>
        <span className="brand-en">ANLAN</span>
      </div>
      <div className="sign-in-slogan">
        <p className="slogan">{t("session.slogan1")}<br />{t("session.slogan2")}</p>
        <p className="s">{t("session.what")}</p>
      </div>
      {status.data ? <p className="sign-in-version s">{t("session.version", { version: status.data.version })}</p> : null}
      <main className="card sign-in-card">
        <form onSubmit={(e) => void submit(e)} noValidate aria-labelledby="sign-in-title">
          <div className="row">
            <h1 id="sign-in-title" className="grow">{t("session.title")}</h1>
            <div className="seg" role="group" aria-label={t("session.language")}>
              {(["zh-CN", "en-US"] as Language[]).map((l) => (
                <button key={l} type="button" aria-pressed={language === l} onClick={() => setLanguage(l)} lang={l}>{l === "zh-CN" ? "中文" : "English"}</button>
              ))}
            </div>
          </div>
          {state.phase === "out" && state.ended && !refusal ? <p className="s notice" role="status">{t("session.ended")}</p> : null}
          <label htmlFor="username">{t("session.username")}</label>
          <div className={`field ${wrong("username") ? "wrong" : ""}`}>
            <Symbol name="ui-user" size={18} />
            <input id="username" ref={userField} name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} value={username} onChange={(e) => setUsername(e.target.value)}
              aria-invalid={wrong("username")} aria-describedby={refusal ? "sign-in-error" : undefined} />
          </div>
          <label htmlFor="password">{t("session.password")}</label>
          <div className={`field ${wrong("password") ? "wrong" : ""}`}>
            <Symbol name="ui-lock" size={18} />
            <input id="password" ref={passwordField} name="password" type={shown ? "text" : "password"} autoComplete="current-password" value={password} onChange={(e) => setPassword(e.target.value)}
              aria-invalid={wrong("password")} aria-describedby={refusal ? "sign-in-error" : undefined} />
            <button type="button" className="reveal" aria-label={t(shown ? "session.hide" : "session.show")} aria-pressed={shown} onClick={() => setShown(!shown)}>
              <Symbol name="ui-eye" size={18} />
            </button>
          </div>
          <p id="sign-in-error" className="error t2" role="alert">
            {refusal ? <><Symbol name="ui-info" size={15} /><span>{t(refusal.key, refusal.params)}</span></> : null}
          </p>
          <button type="submit" className="btn pri submit" disabled={busy}>{t("session.submit")}</button>
        </form>
        <PlatformState status={status.data} silent={status.error !== null} />
      </main>
    </div>
  );
}

function PlatformState({ status, silent }: { status: Status | null; silent: boolean }) {
  const { t } = useI18n();
  const key = silent ? "session.platformDown" : status === null || status.ready ? "session.platformOk" : "session.platformStarting";
  if (status === null && !silent) return <div className="platform" />;
  return (
    <div className="platform row" role="status">
      <i className={silent || !status?.ready ? "dot hollow" : "dot"} aria-hidden="true" />
      <span className="grow s">{t(key)}</span>
      {status && !silent ? <span className="m">{t("session.gateways", { connected: status.gateways.connected, total: status.gateways.total })}</span> : null}
    </div>
  );
}
