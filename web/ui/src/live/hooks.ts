/** How a part of the page listens to the live store: one hook per kind of fact. The context is filled once a person is signed in. */
import { createContext, useCallback, useContext, useEffect, useSyncExternalStore } from "react";
import type { Alarm, GatewayState, Rollup } from "../api/types";
import type { LiveConnection } from "./connection";
import type { LiveValue, Subscription } from "./protocol";
import type { Connection, LiveStore } from "./store";

export type Live = { store: LiveStore; connection: LiveConnection };
export const LiveContext = createContext<Live | null>(null);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error("useLive outside a session");
  return live;
}

function useTopic<T>(topic: string, read: (store: LiveStore) => T): T {
  const { store } = useLive();
  const subscribe = useCallback((listener: () => void) => store.subscribe(topic, listener), [store, topic]);
  return useSyncExternalStore(subscribe, () => read(store));
}

export const useConnection = (): Connection => useTopic("connection", (s) => s.state());
export const useStreamLost = (): boolean => useTopic("connection", (s) => s.state().phase !== "live");
/** Why what needs the center cannot be done now; `null` when it can. */
export const useNeedsCenter = (): "action.needsStream" | null => (useStreamLost() ? "action.needsStream" : null);
export const useLiveValue = (point: string): LiveValue | undefined => useTopic(`value:${point}`, (s) => s.value(point));
export const useRollup = (node: string): Rollup | undefined => useTopic(`rollup:${node}`, (s) => s.rollup(node));
export const useGateway = (id: string): GatewayState | undefined => useTopic(`gateway:${id}`, (s) => s.gateway(id));
export const useOpenAlarms = (): ReadonlyMap<string, Alarm> => useTopic("alarms", (s) => s.openAlarms());
export const useClosedAlarms = (): readonly Alarm[] => useTopic("alarms", (s) => s.closedAlarms());
export const useAlarmsKnown = (): boolean => useTopic("alarms", (s) => s.hasAlarms());

/** Counts up whenever something begins or ends to keep an alarm quiet. */
export const useQuietVersion = (): number => useTopic("quiet", (s) => s.version("quiet"));

/** Redraws when any roll-up or gateway changes; read them from the store. */
export const useRollupsVersion = (): number => useTopic("rollups", (s) => s.version("rollups"));
export const useGatewaysVersion = (): number => useTopic("gateways", (s) => s.version("gateways"));

/** Subscribes while the part is on the page. `null` subscribes nothing. */
export function useSubscription(id: string, subscription: Subscription | null): void {
  const { connection } = useLive();
  const key = subscription ? JSON.stringify(subscription) : null;
  useEffect(() => {
    if (key === null) return;
    return connection.subscribe(id, JSON.parse(key) as Subscription);
  }, [connection, id, key]);
}
