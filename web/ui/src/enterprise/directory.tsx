/**
 * The regions and enterprises that this person may see, read once and kept: breadcrumbs, names and the map's upper levels need them on every
 * page. Their roll-ups seed the live store, which then keeps them current.
 */
import { createContext, useContext, useEffect, useMemo, type ReactNode } from "react";
import { getAll, type ApiError } from "../api/client";
import type { Enterprise, Region, User } from "../api/types";
import { useResource } from "../api/useResource";
import { useLive, useSubscription } from "../live/hooks";
import type { LiveStore } from "../live/store";
import { useUser } from "../session/session";

export type Directory = {
  regions: ReadonlyMap<string, Region>;
  enterprises: ReadonlyMap<string, Enterprise>;
  /** The topmost region in scope, where the person starts. */
  home: string | null;
  ready: boolean;
  error: ApiError | null;
  reload: () => void;
};

const Context = createContext<Directory | null>(null);
const LEVELS = ["province", "city", "county", "park"] as const;

/** The deepest region that holds everything in scope: a person of one park starts in that park, not in its province. */
export function homeRegion(regions: readonly Region[]): string | null {
  const known = new Map(regions.map((r) => [r.code, r]));
  let at = regions.filter((r) => r.parent === null || !known.has(r.parent));
  if (at.length === 0) return null;
  for (;;) {
    const only = at.length === 1 ? at[0] : undefined;
    if (!only) return at.slice().sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level))[0]?.code ?? null;
    const children = regions.filter((r) => r.parent === only.code);
    if (children.length !== 1) return only.code;
    at = children;
  }
}

/** From the top down to `code`. */
export function regionPath(regions: ReadonlyMap<string, Region>, code: string | null): Region[] {
  const path: Region[] = [];
  for (let at = code ? regions.get(code) : undefined; at && !path.includes(at); at = at.parent ? regions.get(at.parent) : undefined) path.unshift(at);
  return path;
}

/** Whether `code` lies in `region` or is it. */
export function within(regions: ReadonlyMap<string, Region>, code: string, region: string): boolean {
  return regionPath(regions, code).some((r) => r.code === region);
}

/** Whether the data of an enterprise does not come: its roll-up says so, or its gateway is not connected, whichever the stream brings first. */
export function dataLost(store: LiveStore, { code, gateway, rollup }: Pick<Enterprise, "code" | "gateway" | "rollup">): boolean {
  const state = store.rollup(`enterprise:${code}`) ?? rollup;
  return state?.lost === true || (gateway !== null && store.gateway(gateway)?.connected === false);
}

/** Whether a person may look at a region as a whole: regions above one's own are known by name only. */
export function seesRegion(user: User, regions: ReadonlyMap<string, Region>, code: string): boolean {
  if (user.scope.enterprise !== undefined) return false;
  return user.scope.region === undefined || within(regions, code, user.scope.region);
}

/** Roll-ups and gateways of a region; a person of one enterprise, who sees no region, gets those of the enterprise. */
export function useRegionSubscription(id: string, region: string | null): void {
  const user = useUser();
  const { regions } = useDirectory();
  const own = user.scope.enterprise;
  useSubscription(id, own !== undefined ? { enterprise: own } : region !== null && seesRegion(user, regions, region) ? { region } : null);
}

export function DirectoryProvider({ children }: { children: ReactNode }) {
  const { store } = useLive();
  const regions = useResource("regions", (signal) => getAll<Region>("/regions", {}, undefined, signal), 300_000);
  const enterprises = useResource("enterprises", (signal) => getAll<Enterprise>("/enterprises", {}, undefined, signal), 300_000);

  useEffect(() => {
    store.seedRollups([...(regions.data ?? []), ...(enterprises.data ?? [])].map((x) => x.rollup));
  }, [store, regions.data, enterprises.data]);

  const error = regions.error ?? enterprises.error;
  const ready = regions.data !== null && enterprises.data !== null;
  const { reload: reloadRegions } = regions;
  const { reload: reloadEnterprises } = enterprises;
  useEffect(() => {
    if (!error || ready) return;
    const timer = setTimeout(() => {
      reloadRegions();
      reloadEnterprises();
    }, 3000);
    return () => clearTimeout(timer);
  }, [error, ready, reloadRegions, reloadEnterprises]);

  const value = useMemo<Directory>(
    () => ({
      regions: new Map((regions.data ?? []).map((r) => [r.code, r])),
      enterprises: new Map((enterprises.data ?? []).map((e) => [e.code, e])),
      home: homeRegion(regions.data ?? []),
      ready,
      error,
      reload: () => {
        reloadRegions();
        reloadEnterprises();
      },
    }),
    [regions.data, enterprises.data, ready, error, reloadRegions, reloadEnterprises],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useDirectory(): Directory {
  const value = useContext(Context);
  if (!value) throw new Error("useDirectory outside DirectoryProvider");
  return value;
}
