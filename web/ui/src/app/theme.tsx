/** Day or night. The choice is kept in this browser; without one the machine's own preference counts. */
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import type { Theme } from "../ui/tokens";

const STORED = "anlan.theme";
type Value = { theme: Theme; setTheme: (theme: Theme) => void };
const Context = createContext<Value | null>(null);

function initial(): Theme {
  try {
    const stored = localStorage.getItem(STORED);
    if (stored === "light" || stored === "dark") return stored;
  } catch {
    // storage can be forbidden
  }
  return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function ThemeProvider({ children }: { children: ReactNode }) {
  const [theme, set] = useState<Theme>(initial);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  const setTheme = useCallback((next: Theme) => {
    document.documentElement.dataset["theme"] = next;
    set(next);
    try {
      localStorage.setItem(STORED, next);
    } catch {
      // in force for this visit
    }
  }, []);
  const value = useMemo(() => ({ theme, setTheme }), [theme, setTheme]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useTheme(): Value {
  const value = useContext(Context);
  if (!value) throw new Error("useTheme outside ThemeProvider");
  return value;
}
