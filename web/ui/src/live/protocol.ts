/**
 * The words of the live stream (docs/protocols/live.md): what is sent, what comes back, and how a wire value becomes one that a screen
 * can show. A message that cannot be read is reported by the caller, never guessed at.
 */
import type { Alarm, AlarmLogEntry, GatewayState, Quiet, Rollup, WireValue } from "../api/types";
import type { Quality } from "../ui/quality";

export type Subscription =
  | { region: string }
  | { enterprise: string }
  | { equipment: string[] }
  | { points: string[] }
  | { alarms: Record<string, never> };

export type LiveWireValue = WireValue & { p: string };
export type AlarmChange = { kind: AlarmLogEntry["kind"]; at: number; by?: string; comment?: string; reason?: string; quiet?: Quiet };

export type ServerMessage =
  | { type: "snapshot"; id: string; at: number; rollups?: Rollup[]; gateways?: GatewayState[]; values?: LiveWireValue[]; alarms?: Alarm[]; cursor?: string }
  | { type: "values"; id: string; at: number; values: LiveWireValue[] }
  | { type: "rollup"; id: string; at: number; rollups: Rollup[] }
  | { type: "gateway"; id: string; at: number; gateways: GatewayState[] }
  | { type: "alarm"; id: string; cursor: string; alarm: Alarm; change?: AlarmChange }
  | { type: "quiet"; id: string; cursor: string; quiet: string; change: AlarmChange }
  | { type: "undurable"; id: string; at: number; alarms: Alarm[] }
  | { type: "heartbeat"; at: number }
  | { type: "error"; id?: string; code: string; message: string }
  | { type: "closing"; code: "resume" | "scope" | "session" | "shutdown" | "limit"; message: string };

const KNOWN = new Set<string>(["snapshot", "values", "rollup", "gateway", "alarm", "quiet", "undurable", "heartbeat", "error", "closing"]);

/** `null` for a message of a kind that this version does not know: a newer server may send more. Throws on what is no message at all. */
export function parseMessage(text: string): ServerMessage | null {
  const message = JSON.parse(text) as { type?: unknown };
  if (typeof message.type !== "string") throw new Error("a live message without a type");
  return KNOWN.has(message.type) ? (message as ServerMessage) : null;
}

/** OPC DA quality: the top two of the low eight bits are the class. */
export function qualityClass(q: number): Quality {
  const bits = (q >> 6) & 3;
  return bits === 3 ? "good" : bits === 1 ? "uncertain" : "bad";
}

export type LiveValue = {
  value: number | null;
  quality: Quality;
  /** When it was true at the source, and when the center got it. */
  sourceAt: number;
  receivedAt: number;
  late: boolean;
  /** A node above the point is lost: the value is the last one known, not the present one. */
  lost: "gateway" | "device" | "center" | null;
};

export function liveValue(wire: WireValue): LiveValue {
  const quality = qualityClass(wire.q);
  return {
    value: quality === "bad" ? null : wire.v,
    quality: wire.v === null && quality !== "bad" ? "bad" : quality,
    sourceAt: wire.s,
    receivedAt: wire.r,
    late: wire.l === true,
    lost: wire.x ?? null,
  };
}

/**
 * When a value was last known to be so. An instrument that reports changes alone keeps an old source time although it is read every second: what
 * the center has just received is fresh. What came late is as old as its source says.
 */
export function confirmedAt(value: LiveValue): number {
  return value.late ? value.sourceAt : Math.max(value.sourceAt, value.receivedAt);
}
