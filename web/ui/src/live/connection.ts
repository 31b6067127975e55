/**
 * Keeps one WebSocket to the center: subscribes what the open pages ask for, notices silence, reconnects with growing pauses, and takes the
 * alarm log up again at its cursor so that no alarm is missed. A stream that has been silent for longer than its heartbeat allows is as
 * lost as a closed one: a half-open connection must not look live.
 */
import { alignClock } from "../ui/clock";
import { parseMessage, type ServerMessage, type Subscription } from "./protocol";
import type { LiveStore } from "./store";

/** The center promises a message at least every second. */
export const SILENCE_MS = 4000;
const PAUSES_MS = [500, 1000, 2000, 4000, 8000];
const MAX_SUBSCRIPTIONS = 16;

export type Socket = Pick<WebSocket, "send" | "close" | "readyState"> & {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
};

export type Options = {
  store: LiveStore;
  open: () => Socket;
  /** The session ended or its rights changed: signing in again is needed. */
  onSessionEnd: (code: "session" | "scope") => void;
  random?: () => number;
};

export class LiveConnection {
  private socket: Socket | null = null;
  private subscriptions = new Map<string, Subscription>();
  private cursor: string | null = null;
  private attempt = 0;
  private lastAt: number | null = null;
  private heardAt = 0;
  private stopped = true;
  private reason: string | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;

  constructor(private options: Options) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.subscriptions.set("alarms", { alarms: {} });
    this.watch = setInterval(() => this.checkSilence(), 500);
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    clearInterval(this.watch);
    this.drop();
  }

  /** Subscribes until the returned function is called. The same id replaces what it stood for. */
  subscribe(id: string, subscription: Subscription): () => void {
    if (!this.subscriptions.has(id) && this.subscriptions.size >= MAX_SUBSCRIPTIONS) throw new Error(`more than ${MAX_SUBSCRIPTIONS} live subscriptions`);
    this.subscriptions.set(id, subscription);
    this.send({ subscribe: subscription, id });
    return () => {
      if (this.subscriptions.get(id) !== subscription) return;
      this.subscriptions.delete(id);
      this.send({ unsubscribe: id });
    };
  }

  /** Does not wait for the next try. */
  reconnectNow(): void {
    if (this.stopped || this.options.store.state().phase === "live") return;
    clearTimeout(this.retry);
    this.drop();
    this.connect();
  }

  private connect(): void {
    this.attempt += 1;
    const { store } = this.options;
    if (this.lastAt === null && this.reason === null && this.attempt <= 2) store.setConnection({ phase: "connecting", attempt: this.attempt, lastAt: null });
    else store.setConnection({ phase: "lost", attempt: this.attempt, lastAt: this.lastAt, reason: this.reason });

    const socket = this.options.open();
    this.socket = socket;
    this.heardAt = Date.now();
    socket.onopen = () => {
      if (socket !== this.socket) return;
      for (const [id, subscription] of this.subscriptions) {
        const resume = "alarms" in subscription && this.cursor !== null ? { resume: this.cursor } : {};
        this.send({ subscribe: subscription, id, ...resume });
      }
    };
    socket.onmessage = (event) => {
      if (socket === this.socket && typeof event.data === "string") this.receive(event.data);
    };
    socket.onclose = () => {
      if (socket === this.socket) this.lost();
    };
    socket.onerror = () => undefined; // a close always follows, and says all there is to say
  }

  private receive(text: string): void {
    let message: ServerMessage | null;
    try {
      message = parseMessage(text);
    } catch (cause) {
      this.reason = cause instanceof Error ? cause.message : String(cause);
      this.lost();
      return;
    }
    this.heardAt = Date.now();
    if (message === null) return;
    const { store } = this.options;
    if (message.type === "closing") {
      this.reason = message.message;
      if (message.code === "session" || message.code === "scope") this.options.onSessionEnd(message.code);
      return;
    }
    if (message.type === "error") this.reason = message.message;
    if (message.type === "snapshot" && message.cursor !== undefined) this.cursor = message.cursor;
    if (message.type === "alarm" || message.type === "quiet") this.cursor = message.cursor;
    if ("at" in message) {
      alignClock(message.at);
      this.lastAt = message.at;
    }
    store.apply(message);
    if (message.type !== "error" && "at" in message) {
      this.attempt = 0;
      this.reason = null;
      store.setConnection({ phase: "live", attempt: 0, lastAt: message.at });
    }
  }

  private checkSilence(): void {
    if (this.socket && Date.now() - this.heardAt > SILENCE_MS) this.lost();
  }

  private lost(): void {
    this.drop();
    if (this.stopped) return;
    // The attempt that is running now is the one that will be made next.
    const pause = PAUSES_MS[Math.min(this.attempt, PAUSES_MS.length - 1)] ?? 8000;
    const spread = 0.7 + 0.6 * (this.options.random ?? Math.random)();
    this.options.store.setConnection({ phase: "lost", attempt: this.attempt + 1, lastAt: this.lastAt, reason: this.reason });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), pause * spread);
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onclose = null;
      socket.close();
    }
  }

  private send(message: object): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }
}
