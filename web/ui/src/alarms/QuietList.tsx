/** Alarms that something keeps quiet: what, by whom, why, until when, and the button that ends it. */
import { App } from "antd";
import { useState } from "react";
import { post } from "../api/client";
import type { QuietAlarm } from "../api/types";
import { asApiError, type Resource } from "../api/useResource";
import { useDirectory, within } from "../enterprise/directory";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { Empty, Failed, Loading } from "../ui/faces";
import { Symbol } from "../ui/Symbol";
import { useMayAnswer } from "./answers";
import { QUIET_SYMBOL, quietWords, useQuiet } from "./quiet";

export type QuietAlarms = { alarms: readonly QuietAlarm[]; loading: boolean; error: Resource<QuietAlarm[]>["error"]; reload: () => void };

/** The list, of one region. */
export function useQuietAlarms(region: string | null): QuietAlarms {
  const { book, read } = useQuiet();
  const { regions, enterprises } = useDirectory();
  const alarms = book.all.filter((a) => {
    const site = a.enterprise ? enterprises.get(a.enterprise) : undefined;
    return !site || region === null || within(regions, site.region, region);
  });
  return { alarms, loading: read.loading, error: read.error, reload: read.reload };
}

export function QuietList({ read }: { read: QuietAlarms }) {
  const { t } = useI18n();
  if (read.error && read.alarms.length === 0) return <Failed what={t("alarms.quietWhat")} error={read.error} retry={read.reload} />;
  if (read.loading && read.alarms.length === 0) return <Loading rows={6} />;
  if (read.alarms.length === 0) return <Empty>{t("alarms.noneQuiet")}</Empty>;
  return <ul>{read.alarms.map((a) => <QuietRow key={`${a.alarm} ${a.quiet}`} alarm={a} changed={read.reload} />)}</ul>;
}

function QuietRow({ alarm, changed }: { alarm: QuietAlarm; changed: () => void }) {
  const { t, language } = useI18n();
  const { message } = App.useApp();
  const may = useMayAnswer();
  const [busy, setBusy] = useState(false);
  const end = async (): Promise<void> => {
    setBusy(true);
    try {
      await post<void>(`/quiet-alarms/${encodeURIComponent(alarm.alarm)}/resume`, { quiet: alarm.quiet });
    } catch (cause) {
      void message.error(t("alarms.failed", { why: asApiError(cause).message }), 8);
    } finally {
      setBusy(false);
      changed();
    }
  };
  return (
    <li className="quiet-row" data-quiet={alarm.quiet}>
      <Symbol name={QUIET_SYMBOL[alarm.quiet]} size={20} />
      <span className="col what">
        <span className="row g6"><span className="b">{alarm.tag}</span><span className="ell">{localName(alarm.name, language)} {t(`alarms.condition.${alarm.condition}`)}</span></span>
        <span className="m f12 ell">{localName(alarm.enterprise_name, language)}</span>
        <span className="s f12">{quietWords(alarm, t)}</span>
      </span>
      {alarm.quiet === "suppressed" ? null : <button type="button" className="btn sm" disabled={!may || busy} onClick={() => void end()}>{t(alarm.quiet === "shelved" ? "alarms.unshelve" : "alarms.returnToService")}</button>}
    </li>
  );
}
