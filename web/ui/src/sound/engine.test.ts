/** The engine says when the browser blocks it, rings once it may, and lets nobody who answers alarms switch it off. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Ringing } from "./decide";
import { SoundEngine, voiceFor } from "./engine";

let started: number[] = [];
class FakeContext {
  state: "suspended" | "running" = "suspended";
  currentTime = 0;
  destination = {};
  resume(): Promise<void> {
    this.state = "running";
    return Promise.resolve();
  }
  createOscillator() {
    const node = { frequency: { value: 0 }, connect: (next: unknown) => next, start: () => started.push(node.frequency.value), stop: () => undefined };
    return node;
  }
  createGain() {
    return { gain: { setValueAtTime: () => undefined, linearRampToValueAtTime: () => undefined }, connect: (next: unknown) => next };
  }
}

const stored = new Map<string, string>();
beforeEach(() => {
  vi.useFakeTimers();
  started = [];
  stored.clear();
  vi.stubGlobal("window", { addEventListener: () => undefined, removeEventListener: () => undefined });
  vi.stubGlobal("navigator", { userActivation: { hasBeenActive: false } });
  vi.stubGlobal("localStorage", { getItem: (k: string) => stored.get(k) ?? null, setItem: (k: string, v: string) => stored.set(k, v) });
  vi.stubGlobal("AudioContext", FakeContext);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const engineOf = (ringing: Ringing[], mayBeOff = false): SoundEngine => new SoundEngine(mayBeOff, () => ({ ringing, streamLost: false, speech: () => null }));
const one: Ringing = { id: "a", group: "a", level: 1 };

describe("the sound engine", () => {
  it("reports that the browser blocks it, and rings after the first touch", async () => {
    const engine = engineOf([one]);
    const stop = engine.start();
    vi.advanceTimersByTime(300);
    expect(engine.read().blocked).toBe(true);
    engine.unblock();
    await vi.advanceTimersByTimeAsync(4300);
    expect(engine.read().blocked).toBe(false);
    expect(started.slice(0, 3)).toEqual([660, 880, 660]);
    stop();
  });
  it("does not call itself blocked while nothing rings", () => {
    const engine = engineOf([]);
    const stop = engine.start();
    vi.advanceTimersByTime(2000);
    expect(engine.read().blocked).toBe(false);
    stop();
  });
  it("counts a mute down to its end, ten minutes at most, and a new level 1 ends it", async () => {
    const ringing = [one];
    const engine = engineOf(ringing);
    const stop = engine.start();
    engine.unblock();
    await vi.advanceTimersByTimeAsync(500);
    engine.mute(60 * 60_000);
    expect((engine.read().mutedUntil ?? 0) - Date.now()).toBe(600_000);
    const before = started.length;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(started.length).toBe(before);
    ringing.push({ id: "b", group: "b", level: 1 });
    await vi.advanceTimersByTimeAsync(500);
    expect(engine.read().mutedUntil).toBeNull();
    expect(started.length).toBeGreaterThan(before);
    stop();
  });
  it("cannot be switched off by those who answer alarms", () => {
    stored.set("anlan.sound", "off");
    const answers = engineOf([one]);
    answers.setEnabled(false);
    expect(answers.read().enabled).toBe(true);
    expect(engineOf([one], true).read().enabled).toBe(false);
  });
  it("says a level 1 once in words, with a voice of this machine, and not where that is switched off", async () => {
    const said: string[] = [];
    const voices = [{ lang: "zh-CN", localService: false }, { lang: "zh-CN", localService: true }];
    vi.stubGlobal("speechSynthesis", { getVoices: () => voices, cancel: () => undefined, speak: (u: { text: string }) => said.push(u.text) });
    vi.stubGlobal("SpeechSynthesisUtterance", class { constructor(readonly text: string) {} });
    const ringing = [one];
    const engine = new SoundEngine(false, () => ({ ringing, streamLost: false, speech: (id) => ({ text: id, language: "zh-CN" }) }));
    const stop = engine.start();
    engine.unblock();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said).toEqual(["a"]);
    engine.setSpoken(false);
    const tones = started.length;
    ringing.push({ id: "b", group: "b", level: 1 });
    await vi.advanceTimersByTimeAsync(5000);
    expect([said.length, started.length > tones, stored.get("anlan.spoken")]).toEqual([1, true, "off"]);
    voices.pop();
    expect(voiceFor("zh-CN")).toBeNull();
    stop();
  });
});
