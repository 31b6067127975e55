/** The answer: the one filled button in view. Disabled, it says why on itself. */
import type { Alarm } from "../api/types";
import { useI18n } from "../i18n";
import { Symbol } from "../ui/Symbol";
import { useAcknowledge } from "./acknowledge";

export function AckButton({ alarm, comment, className = "", onPress }: { alarm: Alarm; comment?: string; className?: string; onPress?: () => void }) {
  const { t } = useI18n();
  const { refusal, acknowledge, busy } = useAcknowledge();
  const why = refusal(alarm);
  const running = busy === alarm.id;
  return (
    <button
      type="button" className={`btn pri ${className}`} disabled={why !== null || running}
      onClick={() => {
        onPress?.();
        void acknowledge(alarm, comment);
      }}
    >
      {why === null ? <Symbol name="st-ack" size={16} /> : null}
      {running ? t("alarms.acknowledging") : t(why ?? "alarms.acknowledge")}
      {why === null ? <kbd className="kbd" aria-hidden="true">A</kbd> : null}
    </button>
  );
}
