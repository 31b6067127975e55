/** Puts the parts together: language, theme, session; signed in, the live connection, the sound and the pages. */
import { App as AntApp, ConfigProvider } from "antd";
import enAnt from "antd/locale/en_US";
import zhAnt from "antd/locale/zh_CN";
import { Suspense, useEffect, useMemo, useState } from "react";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";
import { API } from "../api/client";
import { QuietProvider } from "../alarms/quiet";
import { DirectoryProvider } from "../enterprise/directory";
import { I18nProvider, useI18n } from "../i18n";
import { LiveConnection } from "../live/connection";
import { LiveContext } from "../live/hooks";
import { LiveStore } from "../live/store";
import { SignIn } from "../session/SignIn";
import { SessionProvider, useSession } from "../session/session";
import { SoundProvider } from "../sound/SoundProvider";
import { antdTheme } from "../ui/antd-theme";
import { Loading } from "../ui/faces";
import { CrumbsProvider } from "./crumbs";
import { PageBoundary, PageMissing } from "./PageBoundary";
import { fetchPages, routes } from "./routes";
import { Shell } from "./Shell";
import { ThemeProvider, useTheme } from "./theme";

export function App() {
  return (
    <I18nProvider>
      <ThemeProvider>
        <Themed />
      </ThemeProvider>
    </I18nProvider>
  );
}

function Themed() {
  const { language } = useI18n();
  const { theme } = useTheme();
  const config = useMemo(() => antdTheme(theme), [theme]);
  return (
    <ConfigProvider theme={config} locale={language === "zh-CN" ? zhAnt : enAnt} button={{ autoInsertSpace: false }}>
      <AntApp component={false}>
        <SessionProvider>
          <BrowserRouter>
            <Gate />
          </BrowserRouter>
        </SessionProvider>
      </AntApp>
    </ConfigProvider>
  );
}

/** Nothing of the plant is on the page, or asked for, before somebody has signed in. */
function Gate() {
  const { state } = useSession();
  if (state.phase === "asking") return <Loading rows={3} />;
  if (state.phase === "out") return <SignIn />;
  return <SignedIn key={state.user.username} />;
}

function liveUrl(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${API}/live`;
}

/** After the first page has come up. */
const FETCH_PAGES_MS = 4000;

function SignedIn() {
  const { end } = useSession();
  const [live] = useState(() => {
    const store = new LiveStore();
    return { store, connection: new LiveConnection({ store, open: () => new WebSocket(liveUrl()), onSessionEnd: end }) };
  });
  useEffect(() => {
    live.connection.start();
    return () => live.connection.stop();
  }, [live]);
  useEffect(() => {
    const timer = setTimeout(fetchPages, FETCH_PAGES_MS);
    return () => clearTimeout(timer);
  }, []);

  return (
    <LiveContext value={live}>
      <DirectoryProvider>
        <QuietProvider>
          <SoundProvider>
            <CrumbsProvider>
              <Shell>
                <Suspense fallback={<Loading />}>
                  <Routes>
                    <Route path="/" element={<Navigate to="/map" replace />} />
                    {routes.map(({ path, page: Page }) => (
                      <Route key={path} path={path} element={<PageBoundary key={path}><Page /></PageBoundary>} />
                    ))}
                    <Route path="*" element={<PageMissing />} />
                  </Routes>
                </Suspense>
              </Shell>
            </CrumbsProvider>
          </SoundProvider>
        </QuietProvider>
      </DirectoryProvider>
    </LiveContext>
  );
}
