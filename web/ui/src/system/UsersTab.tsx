/** Accounts: who, in which role, seeing what. The center refuses what is not allowed; the form names the field that it refused. */
import { Form, Input, Modal, Select } from "antd";
import { useMemo, useState } from "react";
import { getAll, post, put, remove, withQuery } from "../api/client";
import type { components } from "../api/generated";
import type { Role, Scope } from "../api/types";
import { asApiError, useResource } from "../api/useResource";
import { roleKey } from "../app/TopBar";
import { useDirectory } from "../enterprise/directory";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { useNeedsCenter } from "../live/hooks";
import { useUser } from "../session/session";
import { now } from "../ui/clock";
import { Empty, Faces } from "../ui/faces";
import { listTime } from "../ui/time";
import type { Account } from "./types";

const ROLES: readonly Role[] = ["officer", "enterprise_manager", "enterprise_responder", "administrator", "tester"];
export type Draft = { username: string; name: string; role: Role; scope?: string; password?: string };

const scopeKey = (scope: Scope | null): string => (scope?.region !== undefined ? `region:${scope.region}` : scope?.enterprise !== undefined ? `enterprise:${scope.enterprise}` : "");
/** Everything is an empty scope, never none. */
export function scopeOf(key: string): Scope {
  const [kind, code = ""] = key.split(":");
  return kind === "region" ? { region: code } : kind === "enterprise" ? { enterprise: code } : {};
}

/** What is sent: a field that the center adds or takes away does not compile here. No password leaves it as it is. */
export function bodyOf(draft: Draft, version: number | null): Required<components["schemas"]["UserInput"]> {
  // An administrator sees everything, whatever stood in the field before the role was chosen.
  const scope = draft.role === "administrator" ? {} : scopeOf(draft.scope ?? "");
  return { username: draft.username.trim(), name: draft.name.trim(), role: draft.role, scope, password: draft.password || null, unlock: false, version };
}

export function UsersTab() {
  const { t } = useI18n();
  const read = useResource("users", (signal) => getAll<Account>("/users", {}, undefined, signal));
  const away = useNeedsCenter();
  const [editing, setEditing] = useState<Account | "new" | null>(null);
  return (
    <section className="card" aria-label={t("system.tab.users")}>
      <div className="toolbar"><button type="button" className="btn pri" disabled={away !== null} onClick={() => setEditing("new")}>{t(away ?? "users.add")}</button></div>
      <Faces of={read} what={t("users.what")}>
        {(accounts) => accounts.length === 0 ? <Empty>{t("users.none")}</Empty> : (
          <div className="wide-table">
            <table className="plain stacked">
              <thead><tr><th>{t("users.username")}</th><th>{t("users.name")}</th><th>{t("users.role")}</th><th>{t("users.scope")}</th><th /></tr></thead>
              <tbody>{accounts.map((a) => <AccountRow key={a.username} account={a} edit={() => setEditing(a)} changed={read.reload} />)}</tbody>
            </table>
          </div>
        )}
      </Faces>
      {editing ? <AccountForm account={editing === "new" ? null : editing} close={() => setEditing(null)} saved={() => { setEditing(null); read.reload(); }} reload={read.reload} /> : null}
    </section>
  );
}

function useScopeName(): (scope: Scope | null) => string {
  const { t, language } = useI18n();
  const { regions, enterprises } = useDirectory();
  return (scope) => {
    const code = scope?.region ?? scope?.enterprise;
    if (code === undefined) return t("users.all");
    const found = regions.get(code) ?? enterprises.get(code);
    return found ? localName(found.name, language) : code;
  };
}

function AccountRow({ account, edit, changed }: { account: Account; edit: () => void; changed: () => void }) {
  const { t } = useI18n();
  const me = useUser();
  const away = useNeedsCenter();
  const scopeName = useScopeName();
  const [modal, holder] = Modal.useModal();
  const ask = (): void => {
    modal.confirm({
      title: t("users.removeAsk", { name: account.name }), okText: t("users.remove"), cancelText: t("dialog.cancel"), icon: null, okButtonProps: { className: "destructive" },
      onOk: async () => {
        try {
          await remove<void>(withQuery(`/users/${encodeURIComponent(account.username)}`, { version: account.version }));
        } catch (cause) {
          modal.error({ title: asApiError(cause).message, icon: null });
        }
        changed();
      },
    });
  };
  return (
    <tr>
      <td className="b">{account.username}</td>
      <td>{account.name}{account.locked_until !== null && account.locked_until > now() ? <span className="chip" style={{ marginLeft: 8 }}>{t("users.locked", { time: listTime(account.locked_until) })}</span> : null}</td>
      <td data-label={t("users.role")}>{t(roleKey({ ...account, scope: account.scope ?? {} }))}</td>
      <td data-label={t("users.scope")}>{scopeName(account.scope)}</td>
      <td className="num actions">
        <button type="button" className="btn txt sm" disabled={away !== null} title={away ? t(away) : ""} onClick={edit}>{t("users.edit")}</button>
        <button type="button" className="btn txt sm" disabled={away !== null || account.username === me.username} title={account.username === me.username ? t("users.notSelf") : away ? t(away) : ""} onClick={ask}>{t("users.remove")}</button>
        {holder}
      </td>
    </tr>
  );
}

function AccountForm({ account, close, saved, reload }: { account: Account | null; close: () => void; saved: () => void; reload: () => void }) {
  const { t, language } = useI18n();
  const { regions, enterprises } = useDirectory();
  const away = useNeedsCenter();
  const [form] = Form.useForm<Draft>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const everything = Form.useWatch("role", form) === "administrator";
  const scopes = useMemo(
    () => [
      ...[...regions.values()].map((r) => ({ value: `region:${r.code}`, label: `${localName(r.name, language)} ${r.code}` })),
      ...[...enterprises.values()].map((e) => ({ value: `enterprise:${e.code}`, label: `${localName(e.name, language)} ${e.code}` })),
    ],
    [regions, enterprises, language],
  );
  const save = async (draft: Draft): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const body = bodyOf(draft, account?.version ?? null);
    try {
      if (account) await put<Account>(`/users/${encodeURIComponent(account.username)}`, body);
      else await post<Account>("/users", body);
      saved();
    } catch (cause) {
      const error = asApiError(cause);
      if (error.code === "changed_meanwhile") {
        setProblem(t("users.changed"));
        reload();
      } else if (error.field && ["username", "name", "role", "scope", "password"].includes(error.field)) {
        form.setFields([{ name: error.field as keyof Draft, errors: [error.message] }]);
      } else setProblem(error.message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open title={account ? account.username : t("users.add")} okText={t(away ?? "users.save")} cancelText={t("dialog.cancel")} okButtonProps={{ disabled: away !== null }} confirmLoading={busy} onCancel={close} onOk={() => form.submit()} destroyOnHidden>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(draft) => void save(draft)}
        initialValues={account ? { username: account.username, name: account.name, role: account.role, scope: scopeKey(account.scope) || undefined } : { role: "officer" }}>
        <Form.Item name="username" label={t("users.username")} rules={[{ required: true, message: t("form.required") }]}><Input autoComplete="off" disabled={account !== null} /></Form.Item>
        <Form.Item name="name" label={t("users.name")} rules={[{ required: true, message: t("form.required") }]}><Input /></Form.Item>
        <Form.Item name="role" label={t("users.role")}><Select options={ROLES.map((r) => ({ value: r, label: t(`role.${r}` as MessageKey) }))} /></Form.Item>
        {everything ? (
          <Form.Item label={t("users.scope")}><span>{t("users.all")}</span></Form.Item>
        ) : (
          <Form.Item name="scope" label={t("users.scope")} rules={[{ required: true, message: t("form.required") }]}><Select showSearch={{ optionFilterProp: "label" }} options={scopes} /></Form.Item>
        )}
        <Form.Item name="password" label={account ? t("users.newPassword") : t("users.password")} extra={t("users.passwordRule")} rules={[{ required: account === null, message: t("form.required") }, { min: 10, message: t("users.passwordRule") }]}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        {problem ? <p className="t2" role="alert">{problem}</p> : null}
      </Form>
    </Modal>
  );
}
