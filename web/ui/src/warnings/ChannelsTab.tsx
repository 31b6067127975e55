/** Ways to people: how each does, a test of each, and what was lately sent. */
import "./warnings.css";
import { Input } from "antd";
import { useState } from "react";
import { get, post, type Page } from "../api/client";
import { asApiError, useResource } from "../api/useResource";
import { useI18n } from "../i18n";
import { Empty, Faces } from "../ui/faces";
import { formatCount } from "../ui/number";
import { listTime } from "../ui/time";
import type { Message } from "./types";
import { Messages } from "./WarningDetail";

type Channel = { name: string; kind: "email" | "sms" | "webhook"; state: "untried" | "working" | "degraded" | "failed"; since: number | null; last_success: number | null; last_error: string | null; failures: number; sent: number };
type Channels = { channels: Channel[]; failing: string | null; messages: Record<string, number> };
const EVERY_MS = 3_000;

export function ChannelsTab() {
  const { t } = useI18n();
  const read = useResource("channels", (signal) => get<Channels>("/channels", undefined, signal), EVERY_MS);
  const sent = useResource("sent-messages", (signal) => get<Page<Message>>("/sent-messages", { limit: 100 }, signal), EVERY_MS);
  return (
    <section className="card" aria-label={t("system.tab.channels")}>
      <Faces of={read} what={t("channels.what")}>
        {(all) => (
          <>
            {all.failing ? <p className="proposal" role="alert">{t("channels.failing", { why: all.failing })}</p> : null}
            {all.channels.length === 0 ? <Empty>{t("channels.none")}</Empty> : null}
            <ul className="channel-list">{all.channels.map((c) => <Row key={c.name} channel={c} />)}</ul>
            <h3 className="detail-title rules-foot">{t("channels.recent")} <span className="m">{(["queued", "sent", "delivered", "failed", "moot"] as const).filter((s) => all.messages[s]).map((s) => `${t(`msg.state.${s}`)} ${formatCount(all.messages[s] ?? 0)}`).join(" · ")}</span></h3>
          </>
        )}
      </Faces>
      <Faces of={sent} what={t("channels.messages")}>{(page) => <Messages of={page.items} />}</Faces>
    </section>
  );
}

function Row({ channel }: { channel: Channel }) {
  const { t, language } = useI18n();
  const [to, setTo] = useState("");
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const test = async (address: string | null): Promise<void> => {
    setBusy(true);
    setSaid(null);
    try {
      const tested = await post<{ ok: boolean; said: string }>(`/channels/${encodeURIComponent(channel.name)}/test`, { ...(address ? { to: address } : {}), language: language === "en-US" ? "en" : "zh" });
      setSaid(t(tested.ok ? "channels.ok" : "channels.notOk", { said: tested.said }));
    } catch (cause) {
      setSaid(t("channels.notOk", { said: asApiError(cause).message }));
    } finally {
      setBusy(false);
    }
  };
  return (
    <li>
      <span className="col">
        <span className="row g8"><b>{channel.name}</b><span className="m">{t(`msg.means.${channel.kind}`)}</span><span className={channel.state}>{t(`channels.state.${channel.state}`)}</span>{channel.since ? <span className="m f12">{t("channels.since", { time: listTime(channel.since) })}</span> : null}<span className="m f12">{t("channels.sent", { n: formatCount(channel.sent) })}</span></span>
        {channel.last_error ? <span className="m f12">{t("channels.lastError", { why: channel.last_error })}</span> : null}
        {said ? <span className="s f12" role="status">{said}</span> : null}
      </span>
      <span className="row g8">
        <Input size="small" style={{ width: 180 }} aria-label={t("channels.testTo")} placeholder={t("channels.testTo")} value={to} onChange={(e) => setTo(e.target.value)} />
        <button type="button" className="btn sm" disabled={busy || to.trim() === ""} onClick={() => void test(to)}>{t("channels.test")}</button>
        <button type="button" className="btn sm" disabled={busy} onClick={() => void test(null)}>{t("channels.look")}</button>
      </span>
    </li>
  );
}
