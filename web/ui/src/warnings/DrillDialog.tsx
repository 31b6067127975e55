/** Begins a drill: a warning that is none, climbing the real ladder in compressed time. */
import { Form, InputNumber, Modal, Select } from "antd";
import { useState } from "react";
import { post } from "../api/client";
import { asApiError } from "../api/useResource";
import { useDirectory } from "../enterprise/directory";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { COLOURS, type Colour, type Warning } from "./types";

type Draft = { enterprise: string; colour: Colour; pace: number };

export function DrillDialog({ close, started }: { close: () => void; started: (no: number) => void }) {
  const { t, language } = useI18n();
  const { enterprises } = useDirectory();
  const [form] = Form.useForm<Draft>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const send = async (draft: Draft): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      started((await post<Warning>("/warnings", draft)).no);
    } catch (cause) {
      setProblem(asApiError(cause).message);
      setBusy(false);
    }
  };
  const required = [{ required: true, message: t("form.required") }];
  return (
    <Modal open title={t("warn.drillTitle")} okText={t("warn.drillStart")} cancelText={t("dialog.cancel")} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      <p className="s answer-note">{t("warn.drillNote")}</p>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(draft) => void send(draft)} initialValues={{ colour: "blue", pace: 60 }}>
        <Form.Item name="enterprise" label={t("warn.drillEnterprise")} rules={required}>
          <Select showSearch optionFilterProp="label" options={[...enterprises.values()].map((e) => ({ value: e.code, label: localName(e.name, language) }))} />
        </Form.Item>
        <Form.Item name="colour" label={t("warn.drillColour")} rules={required}><Select options={COLOURS.map((c) => ({ value: c, label: t(`warn.colour.${c}`) }))} /></Form.Item>
        <Form.Item name="pace" label={t("warn.drillPace")} rules={required}><InputNumber min={1} max={600} precision={0} /></Form.Item>
        {problem ? <p className="t2" role="alert">{problem}</p> : null}
      </Form>
    </Modal>
  );
}
