/**
 * One live value as a person may believe it: number, unit, and a look that says good, uncertain, stale or bad (design-language §2.3).
 * A bad value never shows a number; a stale one always shows its age.
 */
import "./value.css";
import { useI18n } from "../i18n";
import { Symbol } from "./Symbol";
import { formatNumber } from "./number";
import type { Face } from "./quality";
import { age, exactTime } from "./time";
import { useNow } from "./clock";

type Props = { value: number | null; unit?: string; decimals?: number; face: Face; late?: boolean; word?: string | null; className?: string };

export function Value({ value, unit, decimals = 1, face, late = false, word, className = "" }: Props) {
  const { t } = useI18n();
  if (face === "bad") {
    return (
      <span className={`value bad ${className}`}>
        <span className="number">- - -</span>
        <Symbol name="q-bad" size={14} label={t("quality.bad")} />
        {unit ? <span className="unit">{unit}</span> : null}
      </span>
    );
  }
  const text = word ?? (value === null ? "—" : formatNumber(value, decimals));
  return (
    <span className={`value ${face} ${className}`}>
      <span className="number">{text}</span>
      {face === "uncertain" ? <span title={t("quality.uncertain")} aria-label={t("quality.uncertain")}>?</span> : null}
      {unit && !word ? <span className="unit">{unit}</span> : null}
      {late ? <Symbol name="q-late" size={13} label={t("value.late")} /> : null}
    </span>
  );
}

/** How old a value is, counted on. `bare` leaves out "ago"; `source` is the source's own time where that is another. */
export function Age({ at, source, bare = false, className = "m f12" }: { at: number | null; source?: number | undefined; bare?: boolean; className?: string }) {
  const now = useNow(200);
  const { t } = useI18n();
  if (at === null) return <span className={className}>{t("value.noReading")}</span>;
  const text = age(now - at);
  return (
    <time className={`${className} nw`} title={t("age.title", { time: exactTime(source ?? at) })}>
      {bare ? text : t("age.ago", { age: text })}
    </time>
  );
}
