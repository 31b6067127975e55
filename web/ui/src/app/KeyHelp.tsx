/** The table of keys, shown by `?`. */
import { Modal } from "antd";
import { useEffect } from "react";
import { useI18n, type MessageKey } from "../i18n";

const KEYS: readonly [string, MessageKey][] = [
  ["J", "alarms.key.next"], ["K", "alarms.key.previous"], ["A", "alarms.key.ack"], ["O", "alarms.key.take"], ["S", "alarms.key.shelve"], ["D", "alarms.key.dispose"], ["C", "alarms.key.comment"], ["R", "alarms.key.reset"], ["T", "alarms.key.trend"], ["M", "alarms.key.map"],
  ["1 – 4", "alarms.key.level"], ["N", "alarms.key.oldest"], ["/", "alarms.key.search"], ["Q", "alarms.key.mute"], ["Esc", "alarms.key.back"], ["?", "alarms.key.help"],
];

export function KeyHelp({ open, close }: { open: boolean; close: () => void }) {
  const { t } = useI18n();
  // The dialog hears Esc only while something in it has the focus; this table has nothing to focus.
  useEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape") close();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [open, close]);
  return (
    <Modal open={open} onCancel={close} footer={null} title={t("keys.title")} width={420} transitionName="" maskTransitionName="" destroyOnHidden>
      <dl className="key-help">
        {KEYS.map(([key, label]) => (
          <div key={key} className="row g12">
            <dt><kbd className="kbd">{key}</kbd></dt>
            <dd>{t(label)}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
