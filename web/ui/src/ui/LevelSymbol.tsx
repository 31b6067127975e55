/** The symbol of an alarm level with its name. Filled: the condition stands; outline: returned, not yet acknowledged. */
import type { Level } from "../sound/decide";
import { useI18n } from "../i18n";
import { Symbol } from "./Symbol";

export function LevelSymbol({ level, size = 16, outline = false, quiet = false }: { level: Level; size?: number; outline?: boolean; quiet?: boolean }) {
  const { t } = useI18n();
  return (
    <Symbol name={outline ? `al-${level}-o` : `al-${level}`} size={size} className={`al${level}${outline ? " o" : ""}`} {...(quiet ? {} : { label: t(`level.alarm.${level}`) })} />
  );
}
