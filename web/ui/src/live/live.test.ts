/** The live connection loses nothing: it resumes where it stood, notices silence, and says when it is not live. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Alarm } from "../api/types";
import { LiveConnection, SILENCE_MS, type Socket } from "./connection";
import { confirmedAt, liveValue, parseMessage, qualityClass } from "./protocol";
import { LiveStore } from "./store";

class FakeSocket implements Socket {
  readyState: 0 | 1 | 2 | 3 = 0;
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  sent: Record<string, unknown>[] = [];
  send(text: unknown): void {
    this.sent.push(JSON.parse(String(text)) as Record<string, unknown>);
  }
  close(): void {
    this.readyState = 3;
    this.onclose?.({} as CloseEvent);
  }
  accept(): void {
    this.readyState = 1;
    this.onopen?.({} as Event);
  }
  push(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }
}

const alarm = (id: string, state: Alarm["state"], cursor: string): Alarm => ({ id, state, cursor, level: 1 }) as Alarm;

let sockets: FakeSocket[];
let store: LiveStore;
let live: LiveConnection;
let ended: string[];
const last = (): FakeSocket => sockets[sockets.length - 1] as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  ended = [];
  store = new LiveStore();
  live = new LiveConnection({
    store,
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    onSessionEnd: (code) => ended.push(code),
    random: () => 0.5,
  });
});
afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

describe("the age of a value", () => {
  it("counts from when the center last got it, although the source did not change it", () => expect(confirmedAt(liveValue({ v: 0, q: 192, s: 1000, r: 900_000 }))).toBe(900_000));
  it("counts from the source for what came late", () => expect(confirmedAt(liveValue({ v: 0, q: 192, s: 1000, r: 900_000, l: true }))).toBe(1000));
});

describe("the live connection", () => {
  it("subscribes alarms and what pages ask for, and takes the log up at its cursor after a loss", () => {
    live.start();
    last().accept();
    expect(last().sent).toEqual([{ subscribe: { alarms: {} }, id: "alarms" }]);
    last().push({ type: "snapshot", id: "alarms", at: 1000, alarms: [alarm("a", "unacknowledged", "c1")], cursor: "c1" });
    last().push({ type: "alarm", id: "alarms", cursor: "c2", alarm: alarm("b", "unacknowledged", "c2") });
    live.subscribe("map", { region: "410205P01" });
    last().close();
    expect(store.state().phase).toBe("lost");
    vi.advanceTimersByTime(2000);
    expect(sockets).toHaveLength(2);
    last().accept();
    expect(last().sent).toContainEqual({ subscribe: { alarms: {} }, id: "alarms", resume: "c2" });
    expect(last().sent).toContainEqual({ subscribe: { region: "410205P01" }, id: "map" });
    expect([...store.openAlarms().keys()]).toEqual(["a", "b"]);
  });

  it("calls a silent stream lost although the socket is open", () => {
    live.start();
    last().accept();
    last().push({ type: "heartbeat", at: 5000 });
    expect(store.state().phase).toBe("live");
    vi.advanceTimersByTime(SILENCE_MS + 1000);
    expect(store.state()).toMatchObject({ phase: "lost", lastAt: 5000 });
  });

  it("pauses longer between tries, and not at all when a person asks", () => {
    live.start();
    for (let i = 0; i < 4; i++) {
      last().close();
      vi.advanceTimersByTime(20_000);
    }
    const before = sockets.length;
    last().close();
    vi.advanceTimersByTime(3000);
    expect(sockets.length).toBe(before);
    live.reconnectNow();
    expect(sockets.length).toBe(before + 1);
  });

  it("ends the session when the center says so", () => {
    live.start();
    last().accept();
    last().push({ type: "closing", code: "session", message: "signed out" });
    expect(ended).toEqual(["session"]);
  });

  it("does not unsubscribe what a newer page has taken over under the same id", () => {
    live.start();
    last().accept();
    const endFirst = live.subscribe("page", { equipment: ["a"] });
    live.subscribe("page", { equipment: ["b"] });
    endFirst();
    expect(last().sent.some((m) => "unsubscribe" in m)).toBe(false);
  });
});

describe("the live store", () => {
  it("moves a closed alarm from open to recent, once", () => {
    store.apply({ type: "snapshot", id: "alarms", at: 1, alarms: [alarm("a", "unacknowledged", "1")], cursor: "1" });
    store.apply({ type: "alarm", id: "alarms", cursor: "2", alarm: alarm("a", "closed", "2") });
    store.apply({ type: "alarm", id: "alarms", cursor: "2", alarm: alarm("a", "closed", "2") });
    expect(store.openAlarms().size).toBe(0);
    expect(store.closedAlarms().map((a) => a.id)).toEqual(["a"]);
  });
  it("shows alarms that are not durable until they are, or are gone", () => {
    const undurable = (id: string): Alarm => ({ ...alarm(id, "unacknowledged", "0"), durable: false }) as Alarm;
    const message = parseMessage(JSON.stringify({ type: "undurable", id: "alarms", at: 2, alarms: [undurable("b"), undurable("c")] }));
    store.apply({ type: "snapshot", id: "alarms", at: 1, alarms: [alarm("a", "unacknowledged", "1")], cursor: "1" });
    const told = vi.fn();
    store.subscribe("alarms", told);
    if (message) store.apply(message);
    expect(told).toHaveBeenCalledTimes(1);
    expect([...store.openAlarms().values()].map((a) => [a.id, a.durable])).toEqual([["a", undefined], ["b", false], ["c", false]]);
    store.apply({ type: "alarm", id: "alarms", cursor: "2", alarm: { ...alarm("b", "unacknowledged", "2"), durable: true } as Alarm });
    store.apply({ type: "undurable", id: "alarms", at: 3, alarms: [undurable("b")] });
    expect([...store.openAlarms().values()].map((a) => [a.id, a.durable])).toEqual([["a", undefined], ["b", true]]);
    store.apply({ type: "undurable", id: "alarms", at: 4, alarms: [] });
    expect([...store.openAlarms().keys()]).toEqual(["a", "b"]);
  });
  it("tells only those who listen to the changed value", () => {
    const [a, b] = [vi.fn(), vi.fn()];
    store.subscribe("value:a", a);
    store.subscribe("value:b", b);
    store.apply({ type: "values", id: "p", at: 1, values: [{ p: "a", v: 1, q: 192, s: 1, r: 1 }] });
    expect(a).toHaveBeenCalledTimes(1);
    expect(b).not.toHaveBeenCalled();
  });
  it("does not let an HTTP answer overwrite a newer value of the stream", () => {
    store.apply({ type: "values", id: "p", at: 9, values: [{ p: "a", v: 2, q: 192, s: 9, r: 9 }] });
    store.seedValue("a", liveValue({ v: 1, q: 192, s: 5, r: 5 }));
    expect(store.value("a")?.value).toBe(2);
  });
});

describe("the wire", () => {
  it("reads OPC quality classes", () => expect([192, 216, 64, 80, 0, 24].map(qualityClass)).toEqual(["good", "good", "uncertain", "uncertain", "bad", "bad"]));
  it("never shows the number of a bad value", () => expect(liveValue({ v: 17, q: 0, s: 1, r: 1 }).value).toBeNull());
  it("skips kinds that it does not know and refuses what is no message", () => {
    expect(parseMessage('{"type":"weather"}')).toBeNull();
    expect(() => parseMessage('{"x":1}')).toThrow();
  });
});
