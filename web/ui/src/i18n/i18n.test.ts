/** Both languages say the same things: a figure that the Chinese text names is in the English one too, and nothing is left empty. */
import { expect, it } from "vitest";
import { fill } from ".";
import { enUS } from "./en-US";
import { zhCN, type MessageKey } from "./zh-CN";

const KEYS = Object.keys(zhCN) as MessageKey[];
const names = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? "").sort();

it("both languages fill the same names", () => {
  for (const key of KEYS) expect(names(enUS[key]), key).toEqual(names(zhCN[key]));
});
it("no text is empty and none shouts", () => {
  for (const key of KEYS) {
    for (const text of [zhCN[key], enUS[key]]) {
      expect(text.trim(), key).not.toBe("");
      expect(text, key).not.toMatch(/[!！]|successfully|please|请|成功|您/i);
    }
  }
});
it("a name without a value stays visible", () => expect(fill("{a} {b}", { a: 1 })).toBe("1 {b}"));
