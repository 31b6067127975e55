/** The pennant of a warning's colour, with its word: the colour alone says nothing to whoever cannot tell it. */
import { useI18n } from "../i18n";
import { Symbol } from "../ui/Symbol";
import type { Colour } from "./types";

export function Pennant({ colour, size = 18, word = true }: { colour: Colour; size?: number; word?: boolean }) {
  const { t } = useI18n();
  const label = t("warn.pennant", { colour: t(`warn.colour.${colour}`) });
  return (
    <span className={`pennant rk-${colour}`}>
      <Symbol name={`rk-${colour}`} size={size} {...(word ? {} : { label })} />
      {word ? <span>{t(`warn.colour.${colour}`)}</span> : null}
    </span>
  );
}
