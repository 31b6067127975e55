/** Connects the sound to the open alarms of this screen, and lets the top bar and the keys mute it. */
import { createContext, useContext, useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { alarmTitle } from "../alarms/alarm";
import { useI18n } from "../i18n";
import { useLive } from "../live/hooks";
import { mayAcknowledge, useUser } from "../session/session";
import { ringingOf } from "./decide";
import { SoundEngine, type SoundState } from "./engine";

const Context = createContext<SoundEngine | null>(null);

export function SoundProvider({ children }: { children: ReactNode }) {
  const { store } = useLive();
  const i18n = useI18n();
  // Who answers alarms can mute them for a while, but not switch them off.
  const answers = mayAcknowledge(useUser());
  const words = useRef(i18n);
  useEffect(() => {
    words.current = i18n;
  });
  const [engine] = useState(
    () =>
      new SoundEngine(!answers, () => ({
        // One sound per group: alarms of one piece of equipment ring together.
        ringing: ringingOf([...store.openAlarms().values()].map((a) => ({ id: a.id, group: a.equipment ?? a.subject, level: a.level, state: a.state }))),
        streamLost: store.state().phase === "lost",
        speech: (id) => {
          const alarm = store.openAlarms().get(id);
          const { t, language } = words.current;
          return alarm ? { text: t("sound.spoken", { what: alarmTitle(alarm, t, language) }), language } : null;
        },
      })),
  );
  useEffect(() => engine.start(), [engine]);
  return <Context.Provider value={engine}>{children}</Context.Provider>;
}

export function useSound(): { engine: SoundEngine; state: SoundState } {
  const engine = useContext(Context);
  if (!engine) throw new Error("useSound outside SoundProvider");
  return { engine, state: useSyncExternalStore(engine.subscribe, engine.read) };
}
