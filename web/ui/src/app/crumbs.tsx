/** The trail in the top bar. A page sets what lies below the region; without that the trail is the region's own path. */
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

export type Crumb = { label: string; to: string | null };
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
