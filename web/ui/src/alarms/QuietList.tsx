/** Alarms that something keeps quiet: what, by whom, why, until when, and the button that ends it. */
import { App } from "antd";
import { useEffect, useState } from "react";
import { getAll, post } from "../api/client";
import type { QuietAlarm } from "../api/types";
import { asApiError, useResource } from "../api/useResource";
import { useDirectory, within } from "../enterprise/directory";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { useQuietVersion } from "../live/hooks";
import { Empty, Failed, Loading } from "../ui/faces";
import { Symbol } from "../ui/Symbol";
import { listTime } from "../ui/time";
import { useMayAnswer } from "./answers";

const SYMBOL = { shelved: "st-shelve", suppressed: "st-suppress", out_of_service: "st-oos" } as const;

export type QuietAlarms = { alarms: readonly QuietAlarm[]; loading: boolean; error: ReturnType<typeof useResource<QuietAlarm[]>>["error"]; reload: () => void };

/** The list, of one region; read anew whenever the stream says that something began or ended. */
export function useQuietAlarms(region: string | null): QuietAlarms {
  const version = useQuietVersion();
  const { regions, enterprises } = useDirectory();
  const read = useResource("quiet-alarms", (signal) => getAll<QuietAlarm>("/quiet-alarms", {}, 1000, signal), 60_000);
  const { reload } = read;
  useEffect(() => {
    if (version > 0) reload();
  }, [version, reload]);
  const alarms = (read.data ?? []).filter((a) => {
    const site = a.enterprise ? enterprises.get(a.enterprise) : undefined;
    return !site || region === null || within(regions, site.region, region);
  });
  return { alarms, loading: read.loading, error: read.error, reload };
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
  const until = alarm.until === null ? t("alarms.quietOpen") : t(alarm.one_shot ? "alarms.quietOneShot" : "alarms.quietUntil", { time: listTime(alarm.until) });
  const why = alarm.by === null ? (alarm.reason === "HH" || alarm.reason === "LL" ? t("alarms.quietGraver", { graver: t(`alarms.condition.${alarm.reason}`) }) : t("alarms.quietRule")) : t("alarms.quietBy", { who: alarm.by_name ?? alarm.by, reason: alarm.reason });
  return (
    <li className="quiet-row" data-quiet={alarm.quiet}>
      <Symbol name={SYMBOL[alarm.quiet]} size={20} />
      <span className="col what">
        <span className="row g6"><span className="b">{alarm.tag}</span><span className="ell">{localName(alarm.name, language)} {t(`alarms.condition.${alarm.condition}`)}</span></span>
        <span className="m f12 ell">{localName(alarm.enterprise_name, language)}</span>
        <span className="s f12">{t("alarms.quietLine", { state: t(`alarms.state.${alarm.quiet}`), until, why })}</span>
      </span>
      {alarm.quiet === "suppressed" ? null : <button type="button" className="btn sm" disabled={!may || busy} onClick={() => void end()}>{t(alarm.quiet === "shelved" ? "alarms.unshelve" : "alarms.returnToService")}</button>}
    </li>
  );
}
