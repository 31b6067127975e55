/** The ink bar under the top bar: the screen is no longer current, since when, and what is being done about it. Also: sound is blocked. */
import { useI18n } from "../i18n";
import { useConnection, useLive } from "../live/hooks";
import { useSound } from "../sound/SoundProvider";
import { useNow } from "../ui/clock";
import { Symbol } from "../ui/Symbol";
import { clockTime, durationWords } from "../ui/time";

export function LiveBar() {
  const { t, language } = useI18n();
  const { connection } = useLive();
  const state = useConnection();
  const now = useNow(1000);
  if (state.phase !== "lost") return null;
  return (
    <div className="live-bar" role="alert">
      <Symbol name="q-stale" size={18} />
      <span className="grow">
        {state.lastAt === null ? (
          <b>{t("live.barNever", { n: state.attempt })}</b>
        ) : (
          <>
            <b>{t("live.barTitle", { age: durationWords(now - state.lastAt, language) })}</b>
            <span>{t("live.barText", { time: clockTime(state.lastAt), n: state.attempt })}</span>
          </>
        )}
        {state.reason ? <span>{t("live.refused", { reason: state.reason })}</span> : null}
      </span>
      <button type="button" onClick={() => connection.reconnectNow()}>{t("live.barNow")}</button>
    </div>
  );
}

export function SoundBar() {
  const { t } = useI18n();
  const { engine, state } = useSound();
  if (!state.blocked || !state.enabled) return null;
  return (
    <div className="sound-bar" role="status">
      <Symbol name="ui-mute" size={18} />
      <span className="grow">{t("sound.blocked")}</span>
      <button type="button" className="btn sm" onClick={() => engine.unblock()}>{t("sound.unblock")}</button>
    </div>
  );
}
