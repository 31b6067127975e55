/**
 * Words. The Chinese texts are the source of the keys; a key without its English text does not compile. A text may hold {names} that are
 * filled at the call. The language is the reader's choice and kept in this browser.
 */
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import type { Language } from "../ui/time";
import { enUS } from "./en-US";
import { zhCN, type MessageKey } from "./zh-CN";

export type { MessageKey } from "./zh-CN";
export type { Language } from "../ui/time";

const TEXTS: Record<Language, Record<MessageKey, string>> = { "zh-CN": zhCN, "en-US": enUS };
const STORED = "anlan.language";

export type Params = Record<string, string | number>;

/** Fills {names} in a text; a name without a value stays visible, so that the mistake is seen. */
export function fill(text: string, params?: Params): string {
  if (!params) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in params ? String(params[name]) : whole));
}

export function translate(language: Language, key: MessageKey, params?: Params): string {
  return fill(TEXTS[language][key], params);
}

export type Translate = (key: MessageKey, params?: Params) => string;
type I18n = { language: Language; setLanguage: (language: Language) => void; t: Translate };

const Context = createContext<I18n | null>(null);

function storedLanguage(): Language {
  try {
    return localStorage.getItem(STORED) === "en-US" ? "en-US" : "zh-CN";
  } catch {
    return "zh-CN"; // storage can be forbidden; Chinese comes first
  }
}

export function I18nProvider({ children, initial }: { children: ReactNode; initial?: Language }) {
  const [language, set] = useState<Language>(() => initial ?? storedLanguage());
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = translate(language, "app.name");
  }, [language]);
  const setLanguage = useCallback((next: Language) => {
    set(next);
    try {
      localStorage.setItem(STORED, next);
    } catch {
      // not kept, but in force for this visit
    }
  }, []);
  const value = useMemo<I18n>(() => ({ language, setLanguage, t: (key, params) => translate(language, key, params) }), [language, setLanguage]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useI18n(): I18n {
  const value = useContext(Context);
  if (!value) throw new Error("useI18n outside I18nProvider");
  return value;
}
