/**
 * What keeps alarms quiet, known on every page: read once for the whole screen and read anew whenever the stream says that something began or
 * ended. An alarm that is silenced must be seen where its point is seen, not only in a list of its own (IEC 62682: shelved and suppressed
 * alarms are shown to the operator).
 */
import { Tooltip } from "antd";
import { createContext, useContext, useEffect, useMemo, type ReactNode } from "react";
import { getAll } from "../api/client";
import type { Quiet, QuietAlarm } from "../api/types";
import { useResource, type Resource } from "../api/useResource";
import { useI18n, type Translate } from "../i18n";
import { useQuietVersion } from "../live/hooks";
import { Symbol } from "../ui/Symbol";
import { listTime } from "../ui/time";

export const QUIET_SYMBOL: Readonly<Record<Quiet, string>> = { shelved: "st-shelve", suppressed: "st-suppress", out_of_service: "st-oos" };
/** Which of several is shown: what has no end first. */
const ORDER: readonly Quiet[] = ["out_of_service", "suppressed", "shelved"];

/** How long it stays so, who wanted it and why. */
export function quietWords(alarm: QuietAlarm, t: Translate): string {
  const until = alarm.until === null ? t("alarms.quietOpen") : t(alarm.one_shot ? "alarms.quietOneShot" : "alarms.quietUntil", { time: listTime(alarm.until) });
  const graver = alarm.reason === "HH" || alarm.reason === "LL" ? alarm.reason : null;
  const rule = graver === null ? t("alarms.quietRule") : t("alarms.quietGraver", { graver: t(`alarms.condition.${graver}`) });
  const why = alarm.by === null ? rule : t("alarms.quietBy", { who: alarm.by_name ?? alarm.by, reason: alarm.reason });
  return t("alarms.quietLine", { state: t(`alarms.state.${alarm.quiet}`), until, why });
}

/** The same with the alarm in front: `LT-1203A 高报：已搁置到 …`. */
export function quietLine(alarm: QuietAlarm, t: Translate): string {
  return t("quiet.line", { tag: alarm.tag, condition: t(`alarms.condition.${alarm.condition}`), words: quietWords(alarm, t) });
}

/** What is shown of several. */
export function gravestQuiet(alarms: readonly QuietAlarm[]): Quiet | null {
  return ORDER.find((quiet) => alarms.some((a) => a.quiet === quiet)) ?? null;
}

export type QuietBook = {
  all: readonly QuietAlarm[];
  bySubject: ReadonlyMap<string, readonly QuietAlarm[]>;
  byEquipment: ReadonlyMap<string, readonly QuietAlarm[]>;
  byEnterprise: ReadonlyMap<string, readonly QuietAlarm[]>;
};

export function quietBook(all: readonly QuietAlarm[]): QuietBook {
  const by = (of: (a: QuietAlarm) => string | null): Map<string, QuietAlarm[]> => {
    const map = new Map<string, QuietAlarm[]>();
    for (const alarm of all) {
      const key = of(alarm);
      if (key === null) continue;
      const list = map.get(key);
      if (list) list.push(alarm);
      else map.set(key, [alarm]);
    }
    return map;
  };
  return { all, bySubject: by((a) => a.subject), byEquipment: by((a) => a.equipment), byEnterprise: by((a) => a.enterprise) };
}

type Value = { book: QuietBook; read: Resource<QuietAlarm[]> };
const Context = createContext<Value | null>(null);

/** News come in bursts (a whole unit is shelved at once): one reading follows them all. */
const SETTLE_MS = 400;

export function QuietProvider({ children }: { children: ReactNode }) {
  const version = useQuietVersion();
  const read = useResource("quiet-alarms", (signal) => getAll<QuietAlarm>("/quiet-alarms", {}, 20_000, signal), 60_000);
  const { reload } = read;
  useEffect(() => {
    if (version === 0) return;
    const timer = setTimeout(reload, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [version, reload]);
  const book = useMemo(() => quietBook(read.data ?? []), [read.data]);
  return <Context.Provider value={{ book, read }}>{children}</Context.Provider>;
}

export function useQuiet(): Value {
  const value = useContext(Context);
  if (!value) throw new Error("useQuiet outside QuietProvider");
  return value;
}

const NONE: readonly QuietAlarm[] = [];
export const useQuietOfPoint = (id: string): readonly QuietAlarm[] => useQuiet().book.bySubject.get(id) ?? NONE;
export const useQuietOfEquipment = (id: string): readonly QuietAlarm[] => useQuiet().book.byEquipment.get(id) ?? NONE;
export const useQuietOfEnterprise = (code: string): readonly QuietAlarm[] => useQuiet().book.byEnterprise.get(code) ?? NONE;

/** The mark beside a point or vessel; who, why and until when under the pointer and for whoever reads the page. Nothing where nothing is quiet. */
export function QuietMark({ alarms, size = 15 }: { alarms: readonly QuietAlarm[]; size?: number }) {
  const { t } = useI18n();
  const quiet = gravestQuiet(alarms);
  if (quiet === null) return null;
  const lines = alarms.slice(0, 6).map((a) => quietLine(a, t));
  if (alarms.length > lines.length) lines.push(t("alarms.moreStanding", { n: alarms.length - lines.length }));
  return (
    <Tooltip title={<span className="quiet-tip">{lines.join("\n")}</span>} styles={{ root: { maxWidth: 420 } }}>
      <span className="quiet-mark" role="img" aria-label={lines.join("; ")} data-quiet-mark={quiet}>
        <Symbol name={QUIET_SYMBOL[quiet]} size={size} />
        {alarms.length > 1 ? <em aria-hidden="true">{alarms.length}</em> : null}
      </span>
    </Tooltip>
  );
}

/** The marks in words, for a page that has the room: on a phone nothing lies under a pointer. */
export function QuietLines({ alarms, limit = 4 }: { alarms: readonly QuietAlarm[]; limit?: number }) {
  const { t } = useI18n();
  if (alarms.length === 0) return null;
  return (
    <ul className="quiet-lines">
      {alarms.slice(0, limit).map((a) => <li key={`${a.alarm} ${a.quiet}`} className="row g6 s"><Symbol name={QUIET_SYMBOL[a.quiet]} size={15} /><span>{quietLine(a, t)}</span></li>)}
      {alarms.length > limit ? <li className="m">{t("alarms.moreStanding", { n: alarms.length - limit })}</li> : null}
    </ul>
  );
}

/** What the map says of a place, a line for each alarm. */
export const quietHint = (alarms: readonly QuietAlarm[], t: Translate): string => [...alarms.slice(0, 5).map((a) => quietLine(a, t)), ...(alarms.length > 5 ? [t("alarms.moreStanding", { n: alarms.length - 5 })] : [])].join("\n");
