/** How I am reached: everybody keeps their own. */
import { Checkbox, Form, Input, Modal, Radio } from "antd";
import { useState } from "react";
import { get, put } from "../api/client";
import { asApiError, useResource } from "../api/useResource";
import { useI18n } from "../i18n";
import { useNeedsCenter } from "../live/hooks";
import { Faces } from "../ui/faces";
import type { Contact } from "./types";

type Draft = { phones: string[]; email: string; language: string; quiet: boolean; from: string; to: string; first: "" | "sms" | "email" };

export function draftOf(c: Contact): Draft {
  const [from = "22:00", to = "07:00"] = c.quiet?.split("-") ?? [];
  const first = c.channels[0] === "sms" || c.channels[0] === "email" ? c.channels[0] : "";
  return { phones: c.phones.length ? [...c.phones] : [""], email: c.email ?? "", language: c.language, quiet: c.quiet !== null && c.quiet !== undefined, from, to, first };
}

export const bodyOf = (d: Draft, version: number): Contact => ({
  phones: d.phones.map((p) => p.trim()).filter(Boolean), email: d.email.trim() || null, language: d.language, quiet: d.quiet ? `${d.from}-${d.to}` : null,
  channels: d.first ? [d.first] : [], version,
});

export function ContactForm({ close }: { close: () => void }) {
  const { t } = useI18n();
  const read = useResource("contact", (signal) => get<Contact>("/contact", {}, signal));
  const [form] = Form.useForm<Draft>();
  const away = useNeedsCenter();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const quiet = Form.useWatch("quiet", form);
  const save = async (draft: Draft): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await put<Contact>("/contact", bodyOf(draft, read.data?.version ?? 0));
      close();
    } catch (cause) {
      setProblem(asApiError(cause).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open title={t("contact.title")} okText={t(away ?? "duty.save")} cancelText={t("dialog.cancel")} okButtonProps={{ disabled: away !== null || read.data === null }} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      <Faces of={read} what={t("contact.title")}>
        {(contact) => (
          <Form form={form} layout="vertical" requiredMark={false} initialValues={draftOf(contact)} onFinish={() => void save(form.getFieldsValue(true) as Draft)}>
            <Form.List name="phones">
              {(fields, { add, remove }) => (
                <Form.Item label={t("contact.phones")} extra={t("contact.phonesHint")}>
                  {fields.map((field) => (
                    <div key={field.key} className="row g8 contact-phone">
                      <Form.Item name={field.name} noStyle><Input inputMode="tel" aria-label={t("contact.phones")} autoComplete="tel" /></Form.Item>
                      {fields.length > 1 ? <button type="button" className="btn txt sm" onClick={() => remove(field.name)}>{t("duty.remove")}</button> : null}
                    </div>
                  ))}
                  {fields.length < 3 ? <button type="button" className="btn sm" onClick={() => add("")}>{t("contact.add")}</button> : null}
                </Form.Item>
              )}
            </Form.List>
            <Form.Item name="email" label={t("contact.email")}><Input inputMode="email" autoComplete="email" /></Form.Item>
            <Form.Item name="first" label={t("contact.channels")}><Radio.Group options={[{ value: "", label: t("contact.none") }, { value: "sms", label: t("contact.sms") }, { value: "email", label: t("contact.mail") }]} /></Form.Item>
            <Form.Item name="language" label={t("contact.language")}><Radio.Group options={[{ value: "zh", label: "中文" }, { value: "en", label: "English" }]} /></Form.Item>
            <Form.Item label={t("contact.quiet")} extra={t("contact.quietHint")}>
              <div className="row g8">
                <Form.Item name="quiet" valuePropName="checked" noStyle><Checkbox>{t("contact.set")}</Checkbox></Form.Item>
                <Form.Item name="from" noStyle><Input inputMode="numeric" placeholder="22:00" disabled={!quiet} aria-label={t("duty.from")} style={{ width: 80 }} /></Form.Item>
                <span>–</span>
                <Form.Item name="to" noStyle><Input inputMode="numeric" placeholder="07:00" disabled={!quiet} aria-label={t("duty.to")} style={{ width: 80 }} /></Form.Item>
              </div>
            </Form.Item>
            <p className="m f12">{t("contact.own")}</p>
            {problem ? <p className="t2" role="alert">{problem}</p> : null}
          </Form>
        )}
      </Faces>
    </Modal>
  );
}
