/** A page that fails takes only itself down: the top bar, the alarm counts and the sound go on. */
import { Component, type ReactNode } from "react";
import { Link } from "react-router";
import { useI18n } from "../i18n";

type State = { error: Error | null };

export class PageBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };
  static getDerivedStateFromError(error: Error): State {
    return { error };
  }
  override render() {
    if (!this.state.error) return this.props.children;
    return <Crashed error={this.state.error} again={() => this.setState({ error: null })} />;
  }
}

/** The page's part was not fetched: the center is away, or a newer version of it has other parts. */
const notFetched = (error: Error): boolean => /dynamically imported module|module script failed|Failed to fetch/i.test(error.message);

function Crashed({ error, again }: { error: Error; again: () => void }) {
  const { t } = useI18n();
  if (notFetched(error)) {
    return (
      <div className="page" role="alert">
        <h1 className="page-title">{t("page.notFetched")}</h1>
        <p className="s">{t("page.notFetchedWhy")}</p>
        <p className="row g12" style={{ marginTop: 16 }}>
          <button type="button" className="btn pri" onClick={() => location.reload()}>{t("page.reload")}</button>
          <Link to="/map" onClick={again}>{t("page.back")}</Link>
        </p>
      </div>
    );
  }
  return (
    <div className="page" role="alert">
      <h1 className="page-title">{t("page.crashed")}</h1>
      <p className="m">{error.message}</p>
      <p className="row g12" style={{ marginTop: 16 }}>
        <button type="button" className="btn pri" onClick={again}>{t("page.reload")}</button>
        <Link to="/map" onClick={again}>{t("page.back")}</Link>
      </p>
    </div>
  );
}

export function PageMissing() {
  const { t } = useI18n();
  return (
    <div className="page">
      <h1 className="page-title">{t("page.missing")}</h1>
      <Link to="/map">{t("page.back")}</Link>
    </div>
  );
}
