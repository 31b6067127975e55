/** Acknowledging: one press, the center's answer on the screen at once, and the reason when it cannot be. */
import { App } from "antd";
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, post } from "../api/client";
import type { Alarm } from "../api/types";
import { useI18n, type MessageKey } from "../i18n";
import { useLive, useStreamLost } from "../live/hooks";
import { mayAcknowledge, useUser } from "../session/session";
import { alarmTitle, waitsForAnswer } from "./alarm";

export type Acknowledge = {
  /** Why this alarm cannot be acknowledged now; `null` when it can. */
  refusal: (alarm: Alarm) => MessageKey | null;
  acknowledge: (alarm: Alarm, comment?: string) => Promise<boolean>;
  busy: string | null;
};

export function useAcknowledge(): Acknowledge {
  const { t, language } = useI18n();
  const { store } = useLive();
  const user = useUser();
  const lost = useStreamLost();
  const { message } = App.useApp();
  const [busy, setBusy] = useState<string | null>(null);

  const refusal = useCallback(
    (alarm: Alarm): MessageKey | null => {
      if (!waitsForAnswer(alarm)) return "alarms.ackDone";
      if (lost) return "alarms.ackNeedsStream";
      if (alarm.durable === false) return "alarms.ackNotDurable";
      return mayAcknowledge(user) ? null : "alarms.ackNoRight";
    },
    [lost, user],
  );

  const acknowledge = useCallback(
    async (alarm: Alarm, comment = ""): Promise<boolean> => {
      setBusy(alarm.id);
      try {
        store.putAlarm(await post<Alarm>(`/alarms/${encodeURIComponent(alarm.id)}/acknowledge`, comment.trim() ? { comment: comment.trim() } : {}));
        return true;
      } catch (cause) {
        // Somebody else was quicker: the stream brings the name; nothing went wrong.
        if (cause instanceof ApiError && cause.code === "already_acknowledged") void message.info(t("alarms.ackDone"));
        else void message.error(t("alarms.ackFailed", { why: cause instanceof ApiError && cause.status !== 0 ? cause.message || cause.code : t("error.network") }) + ` (${alarmTitle(alarm, t, language)})`, 8);
        return false;
      } finally {
        setBusy(null);
      }
    },
    [store, message, t, language],
  );
  return { refusal, acknowledge, busy };
}

/** A chosen row that has only just become the first is not answered by a key meant for the one before it. */
const SETTLED_MS = 600;

/** Whether the alarm under the answering key has been there long enough to be meant. */
export function useSettled(id: string | null): () => boolean {
  const since = useRef({ id, at: -Infinity });
  useEffect(() => {
    if (since.current.id !== id) since.current = { id, at: performance.now() };
  }, [id]);
  return () => performance.now() - since.current.at >= SETTLED_MS;
}
