/** The name of a thing in the reader's language; the other language where one is missing. */
import type { Name } from "../api/types";
import type { Language } from "../ui/time";

export function localName(name: Name | string | null | undefined, language: Language): string {
  if (name == null) return "";
  if (typeof name === "string") return name;
  return language === "zh-CN" ? name.zh || name.en : name.en || name.zh;
}
