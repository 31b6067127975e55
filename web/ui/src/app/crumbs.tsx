/** The trail in the top bar. A page sets what lies below the region; without that the trail is the region's own path. */
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

/** `full` is the whole name where the label is a short one. */
export type Crumb = { label: string; full?: string; to: string | null };
type Value = { crumbs: readonly Crumb[] | null; setCrumbs: (crumbs: readonly Crumb[] | null) => void };
const Context = createContext<Value | null>(null);

export function CrumbsProvider({ children }: { children: ReactNode }) {
  const [crumbs, setCrumbs] = useState<readonly Crumb[] | null>(null);
  const value = useMemo(() => ({ crumbs, setCrumbs }), [crumbs]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useCrumbs(): Value {
  const value = useContext(Context);
  if (!value) throw new Error("useCrumbs outside CrumbsProvider");
  return value;
}

/** Shows this trail while the page is open. */
export function useTrail(trail: readonly Crumb[] | null): void {
  const { setCrumbs } = useCrumbs();
  const key = JSON.stringify(trail);
  useEffect(() => {
    setCrumbs(JSON.parse(key) as readonly Crumb[] | null);
    return () => setCrumbs(null);
  }, [key, setCrumbs]);
}

/**
 * The names along a path, without what a name above them has said: under 开封市 the park 开封精细化工产业集聚区 is 精细化工产业集聚区. A name
 * that would be left with less than four signs is kept whole.
 */
export function shortNames(path: readonly string[]): string[] {
  return path.map((name, i) => {
    for (const above of path.slice(0, i)) {
      const stem = /^[\x20-\x7e]+$/.test(above) ? `${above.split(" ")[0] ?? above} ` : above.replace(/[省市县区]$/, "");
      if (stem.length >= 2 && name.startsWith(stem) && name.length - stem.length >= 4) return name.slice(stem.length);
    }
    return name;
  });
}
