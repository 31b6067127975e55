/**
 * What this screen knows of the plant right now: values, roll-ups, gateways, open alarms, and how good the connection is. Parts of the page
 * listen to single entries, so that one changed value redraws one number and not the page.
 *
 * Nothing here ages by itself: whether a value is stale is decided where it is shown, from its age and the state of the stream.
 */
import { isQuiet } from "../alarms/state";
import type { Alarm, GatewayState, Rollup } from "../api/types";
import { liveValue, type LiveValue, type LiveWireValue, type ServerMessage } from "./protocol";

export type Connection =
  | { phase: "connecting"; attempt: number; lastAt: null }
  | { phase: "live"; attempt: 0; lastAt: number }
  | { phase: "lost"; attempt: number; lastAt: number | null; reason: string | null };

/** How many closed alarms are kept for the lists of recent ones. */
const CLOSED_KEPT = 300;

export class LiveStore {
  private values = new Map<string, LiveValue>();
  private rollups = new Map<string, Rollup>();
  private gateways = new Map<string, GatewayState>();
  private open: ReadonlyMap<string, Alarm> = new Map();
  private closed: readonly Alarm[] = [];
  private alarmsKnown = false;
  private connection: Connection = { phase: "connecting", attempt: 0, lastAt: null };
  private listeners = new Map<string, Set<() => void>>();
  private touched = new Set<string>();
  private versions = new Map<string, number>();

  /** Listens to one topic: `value:POINT`, `rollup:NODE`, `gateway:ID`, `rollups`, `gateways`, `alarms`, `connection`. */
  subscribe(topic: string, listener: () => void): () => void {
    const set = this.listeners.get(topic) ?? new Set();
    set.add(listener);
    this.listeners.set(topic, set);
    return () => {
      set.delete(listener);
      if (set.size === 0) this.listeners.delete(topic);
    };
  }

  /** Counts up with each change of a topic that holds a changing collection. */
  version(topic: string): number {
    return this.versions.get(topic) ?? 0;
  }

  value(point: string): LiveValue | undefined {
    return this.values.get(point);
  }
  rollup(node: string): Rollup | undefined {
    return this.rollups.get(node);
  }
  allRollups(): ReadonlyMap<string, Rollup> {
    return this.rollups;
  }
  gateway(id: string): GatewayState | undefined {
    return this.gateways.get(id);
  }
  allGateways(): ReadonlyMap<string, GatewayState> {
    return this.gateways;
  }
  openAlarms(): ReadonlyMap<string, Alarm> {
    return this.open;
  }
  closedAlarms(): readonly Alarm[] {
    return this.closed;
  }
  /** False until the first snapshot of alarms: an empty list before it is not "no alarms". */
  hasAlarms(): boolean {
    return this.alarmsKnown;
  }
  state(): Connection {
    return this.connection;
  }

  setConnection(next: Connection): void {
    this.connection = next;
    this.touch("connection");
    this.flush();
  }

  /** A roll-up or value that came with an HTTP answer, used until the stream brings a newer one. */
  seedRollups(rollups: Iterable<Rollup | null>): void {
    for (const rollup of rollups) if (rollup && !this.rollups.has(rollup.n)) this.putRollup(rollup);
    this.flush();
  }
  seedValue(point: string, value: LiveValue): void {
    const known = this.values.get(point);
    if (!known || known.receivedAt < value.receivedAt) {
      this.values.set(point, value);
      this.touch(`value:${point}`);
      this.flush();
    }
  }

  /** The alarm as the center answered it, after an acknowledgement for instance. The stream's own entry will say the same. */
  putAlarm(alarm: Alarm): void {
    const open = new Map(this.open);
    if (isQuiet(alarm)) {
      // It stands and calls nobody: the list of what is kept quiet has it.
      open.delete(alarm.id);
    } else if (alarm.state === "closed") {
      if (open.delete(alarm.id) || !this.closed.some((a) => a.id === alarm.id)) {
        this.closed = [alarm, ...this.closed.filter((a) => a.id !== alarm.id)].slice(0, CLOSED_KEPT);
      }
    } else {
      open.set(alarm.id, alarm);
      this.closed = this.closed.filter((a) => a.id !== alarm.id);
    }
    this.open = open;
    this.touch("alarms");
    this.flush();
  }

  apply(message: ServerMessage): void {
    switch (message.type) {
      case "snapshot":
        for (const value of message.values ?? []) this.putValue(value);
        for (const rollup of message.rollups ?? []) this.putRollup(rollup);
        for (const gateway of message.gateways ?? []) this.putGateway(gateway);
        if (message.alarms) {
          // What is not durable comes in a message of its own, which follows where there is any.
          this.open = new Map(message.alarms.filter((a) => a.state !== "closed" && !isQuiet(a)).map((a) => [a.id, a]));
          this.alarmsKnown = true;
          this.touch("alarms");
        }
        break;
      case "values":
        for (const value of message.values) this.putValue(value);
        break;
      case "rollup":
        for (const rollup of message.rollups) this.putRollup(rollup);
        break;
      case "gateway":
        for (const gateway of message.gateways) this.putGateway(gateway);
        break;
      case "alarm":
        this.putAlarm(message.alarm);
        if (message.change?.quiet) this.touch("quiet");
        break;
      case "quiet":
        this.touch("quiet");
        break;
      case "undurable":
        this.putUndurable(message.alarms);
        break;
      case "heartbeat":
      case "error":
      case "closing":
        break;
    }
    this.flush();
  }

  /** Everything that is decided and not durable (未落盘); whatever was and is not named again has gone or become durable. */
  private putUndurable(alarms: readonly Alarm[]): void {
    const open = new Map([...this.open].filter(([, a]) => a.durable !== false));
    // The alarm log knows better: an alarm that it has told of is durable.
    for (const alarm of alarms) if (!open.has(alarm.id)) open.set(alarm.id, alarm);
    this.open = open;
    this.touch("alarms");
  }

  private putValue(wire: LiveWireValue): void {
    this.values.set(wire.p, liveValue(wire));
    this.touch(`value:${wire.p}`);
  }
  private putRollup(rollup: Rollup): void {
    this.rollups.set(rollup.n, rollup);
    this.touch(`rollup:${rollup.n}`);
    this.touch("rollups");
  }
  private putGateway(gateway: GatewayState): void {
    this.gateways.set(gateway.id, gateway);
    this.touch(`gateway:${gateway.id}`);
    this.touch("gateways");
  }

  private touch(topic: string): void {
    this.touched.add(topic);
  }
  private flush(): void {
    const topics = [...this.touched];
    this.touched.clear();
    for (const topic of topics) {
      this.versions.set(topic, this.version(topic) + 1);
      for (const listener of this.listeners.get(topic) ?? []) listener();
    }
  }
}
