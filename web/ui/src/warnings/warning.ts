/** What is said about a warning: its place, its title, and each entry of its time line. */
import type { Dispositions } from "../api/types";
import type { Language, Translate } from "../i18n";
import { localName } from "../i18n/name";
import type { Change, LineEntry, Warning } from "./types";

/** `安澜化工 · 1号罐区`: the enterprise, and what of it. */
export function placeOf(w: Warning, t: Translate, language: Language): string {
  if (w.enterprise === null) return t("warn.center");
  const narrow = w.equipment_name ?? w.hazard_name;
  const enterprise = w.enterprise_name ? localName(w.enterprise_name, language) : w.enterprise;
  return narrow ? `${enterprise} · ${localName(narrow, language)}` : (enterprise ?? "");
}

/** What it is about, in few words: the leading alarm, or that it is a drill. */
export function titleOf(w: Warning, t: Translate, language: Language): string {
  if (w.drill) return t("warn.drill");
  const point = [w.lead_tag, w.lead_name ? localName(w.lead_name, language) : null].filter(Boolean).join(" ");
  const condition = w.lead_condition ? t(`alarms.condition.${w.lead_condition}`) : "";
  return `${t(`warn.kind.${w.kind}`)}：${point} ${condition}`.trim();
}

const choice = (list: Dispositions["causes"] | undefined, code: string, language: Language): string => {
  const found = list?.find((c) => c.code === code);
  return found ? localName(found.name, language) : code;
};

/** An alarm's identity without its number: what people know it by. */
const alarmWords = (id: string, t: Translate): string => {
  const [subject = id, condition = ""] = id.split("|");
  const tag = subject.includes(".") ? subject.slice(subject.indexOf(".") + 1) : subject;
  return `${tag} ${condition ? t(`alarms.condition.${condition as "HH"}`) : ""}`.trim();
};

export function lineWords(entry: LineEntry, t: Translate, language: Language, lists: Dispositions | null): string {
  const c: Change = entry.change;
  const who = (by: string): string => entry.by_name ?? by;
  const said = (words: string, comment: string): string => (comment ? `${words} · ${comment}` : words);
  switch (c.what) {
    case "raised": return c.alarm === null ? t("line.drill", { who: c.rule, colour: t(`warn.colour.${c.colour}`) }) : t("line.raised", { colour: t(`warn.colour.${c.colour}`), rule: c.rule });
    case "joined": return t("line.joined", { alarm: alarmWords(c.alarm, t) });
    case "upgraded": return t("line.upgraded", { from: t(`warn.colour.${c.from}`), to: t(`warn.colour.${c.to}`), rule: c.rule });
    case "returned": return t("line.returned");
    case "stands_again": return t("line.stands_again", { alarm: alarmWords(c.alarm, t) });
    case "called": {
      const words = t(`line.called.${c.why}`, { rung: t(`warn.rung.${c.rung}`) });
      return c.skipped.length ? `${words}${t("line.skipped", { rungs: c.skipped.map((r) => t(`warn.rung.${r}`)).join("、") })}` : words;
    }
    case "nobody_to_call": return t("line.nobody", { rung: t(`warn.rung.${c.rung}`) });
    case "reminded": return t("line.reminded", { n: c.time });
    case "answered": return said(t(c.by_alarm ? "line.answeredByAlarm" : "line.answered", { who: who(c.by) }), c.comment);
    case "fed_back": return said(t("line.fed_back", { who: who(c.by), cause: choice(lists?.causes, c.cause, language), measure: choice(lists?.measures, c.measure, language) }), c.comment);
    case "closed": return c.by === null ? t("line.closedByTime") : said(t("line.closed", { who: who(c.by), cause: choice(lists?.causes, c.cause, language), measure: choice(lists?.measures, c.measure, language) }), c.comment);
  }
}

export type Line = { at: number; what: Change["what"]; words: string };

/** The time line, with runs of alarms that joined told as one: a flood must not hide who was called. */
export function linesOf(entries: readonly LineEntry[], t: Translate, language: Language, lists: Dispositions | null): Line[] {
  const lines: Line[] = [];
  let run: LineEntry[] = [];
  const flush = (): void => {
    const [first] = run;
    if (!first) return;
    lines.push({ at: first.at, what: "joined", words: run.length === 1 ? lineWords(first, t, language, lists) : t("line.joinedMany", { n: run.length }) });
    run = [];
  };
  for (const entry of entries) {
    if (entry.change.what === "joined") {
      run.push(entry);
      continue;
    }
    flush();
    lines.push({ at: entry.at, what: entry.change.what, words: lineWords(entry, t, language, lists) });
  }
  flush();
  return lines;
}
