/** The list as a file for people's own programs: what the view shows by region, level and text, and the last thirty days. */
import { Dropdown, type MenuProps } from "antd";
import { API, withQuery } from "../api/client";
import type { Level } from "../api/types";
import { useI18n } from "../i18n";
import { now } from "../ui/clock";
import { Symbol } from "../ui/Symbol";
import type { View } from "./views";

const DAY = 86_400_000;
const FORMATS = [["csv", "CSV"], ["xlsx", "Excel"]] as const;

type Asked = { view: View; region: string | null; level: Level | null; text: string; me: string };

/** What the center is asked for, for a view; `null` for the whole of the last thirty days. */
export function exportQuery({ view, region, level, text, me }: Asked, at: number): Record<string, string | number | boolean | null> {
  const narrowed = { region, level, q: text.trim() || null };
  switch (view) {
    case "new":
    case "overdue":
      return { ...narrowed, state: "unacknowledged,returned_unacknowledged" };
    case "mine":
      return { ...narrowed, open: false, owner: me, disposed: false };
    case "recent":
      return { ...narrowed, open: false, from: at - DAY };
    case "quiet":
      return { ...narrowed, state: "shelved,suppressed,out_of_service" };
    case "standing":
      return { ...narrowed, open: true };
  }
}

/** Begins a download; the center names the file. */
export function download(path: string, query: Record<string, string | number | boolean | null>): void {
  const link = document.createElement("a");
  link.href = API + withQuery(path, query);
  link.download = "";
  link.click();
}

export function ExportButton(asked: Asked) {
  const { t, language } = useI18n();
  const month = (): Record<string, string | number | boolean | null> => ({ ...exportQuery({ ...asked, view: "recent" }, now()), from: now() - 30 * DAY });
  const items: MenuProps["items"] = FORMATS.flatMap(([format, name]) => [
    { key: format, label: t("export.view", { name }), onClick: () => download("/alarm-export", { ...exportQuery(asked, now()), format, language }) },
    { key: `${format}-month`, label: t("export.month", { name }), onClick: () => download("/alarm-export", { ...month(), format, language }) },
  ]);
  return (
    <Dropdown trigger={["click"]} menu={{ items }}>
      <button type="button" className="btn desk-export" aria-haspopup="menu"><Symbol name="ac-attach" size={16} />{t("export.button")}</button>
    </Dropdown>
  );
}
