/** Holidays and worked weekends of every unit, for administrators: the calendar that the state announces once a year. */
import { Modal } from "antd";
import { useEffect, useState } from "react";
import { getAll, put } from "../api/client";
import { asApiError, useResource } from "../api/useResource";
import { useI18n } from "../i18n";
import { useNeedsCenter } from "../live/hooks";
import { Faces } from "../ui/faces";
import { Days } from "./PlanEditor";
import type { Day } from "./types";

export function HolidaysForm({ close }: { close: () => void }) {
  const { t } = useI18n();
  const away = useNeedsCenter();
  const read = useResource("duty-calendar", (signal) => getAll<Day>("/duty-calendar", {}, undefined, signal));
  const [days, setDays] = useState<Day[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (read.data) setDays((present) => present ?? read.data);
  }, [read.data]);
  const save = async (): Promise<void> => {
    if (days === null) return;
    setBusy(true);
    setProblem(null);
    try {
      await put<void>("/duty-calendar", { days: days.filter((d) => d.date) });
      close();
    } catch (cause) {
      setProblem(asApiError(cause).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open title={t("duty.holidays")} okText={t(away ?? "duty.save")} cancelText={t("dialog.cancel")} okButtonProps={{ disabled: away !== null || days === null }} confirmLoading={busy} onCancel={close} onOk={() => void save()} destroyOnHidden>
      <p className="m f12">{t("duty.commonDays")}</p>
      <Faces of={read} what={t("duty.what")}>{() => <Days days={days ?? []} change={setDays} />}</Faces>
      {problem ? <p className="t2" role="alert">{problem}</p> : null}
    </Modal>
  );
}
