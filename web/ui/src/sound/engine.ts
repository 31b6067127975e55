/**
 * Makes the decided sound heard with the browser's own synthesizer: no sound file, nothing to load. Browsers block sound until a person
 * has touched the page; that state is reported, so that a bar can say so.
 */
import { decide, mute, silent, unmute, type Heard, type Ringing, type Tone } from "./decide";

/** `spoken`: whether alarms of level 1 are also said in words. */
export type SoundState = { enabled: boolean; spoken: boolean; mutedUntil: number | null; blocked: boolean };
type Source = () => { ringing: readonly Ringing[]; streamLost: boolean; speech: (alarmId: string) => { text: string; language: string } | null };

const STORED = "anlan.sound";
const SPOKEN = "anlan.spoken";
const TICK_MS = 250;

export class SoundEngine {
  private context: AudioContext | null = null;
  private heard: Heard = silent;
  private timer: ReturnType<typeof setInterval> | undefined;
  private listeners = new Set<() => void>();
  private state: SoundState;

  /** `mayBeOff`: whether this person may switch the sound off for good; everybody may mute it for ten minutes. */
  constructor(readonly mayBeOff: boolean, private source: Source) {
    this.state = { enabled: !mayBeOff || SoundEngine.stored(STORED), spoken: SoundEngine.stored(SPOKEN), mutedUntil: null, blocked: false };
  }

  private static stored(key: string): boolean {
    try {
      return localStorage.getItem(key) !== "off";
    } catch {
      return true;
    }
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  read = (): SoundState => this.state;

  private set(change: Partial<SoundState>): void {
    const next = { ...this.state, ...change };
    if (next.enabled === this.state.enabled && next.spoken === this.state.spoken && next.mutedUntil === this.state.mutedUntil && next.blocked === this.state.blocked) return;
    this.state = next;
    for (const each of this.listeners) each();
  }

  start(): () => void {
    this.timer = setInterval(() => this.tick(), TICK_MS);
    const unblock = (): void => this.unblock();
    // Not with the press: the line that says "blocked" would go before the release, the page would move up under the finger, and the
    // first click of a night would hit nothing.
    window.addEventListener("click", unblock);
    window.addEventListener("keydown", unblock);
    return () => {
      clearInterval(this.timer);
      window.removeEventListener("click", unblock);
      window.removeEventListener("keydown", unblock);
    };
  }

  /** To be called from a click or key press: only then may a page begin to sound. */
  unblock(): void {
    this.context ??= typeof AudioContext === "undefined" ? null : new AudioContext();
    void this.context?.resume().then(() => this.set({ blocked: false }));
  }

  mute(forMs?: number): void {
    this.heard = mute(this.heard, Date.now(), forMs);
    this.set({ mutedUntil: this.heard.mutedUntil });
  }
  unmute(): void {
    this.heard = unmute(this.heard);
    this.set({ mutedUntil: null });
  }
  setEnabled(enabled: boolean): void {
    if (!enabled && !this.mayBeOff) return;
    SoundEngine.keep(STORED, enabled);
    this.set({ enabled });
  }
  /** Words only: the tone of an alarm is not switched off by this. */
  setSpoken(spoken: boolean): void {
    SoundEngine.keep(SPOKEN, spoken);
    if (!spoken && typeof speechSynthesis !== "undefined") speechSynthesis.cancel();
    this.set({ spoken });
  }
  private static keep(key: string, on: boolean): void {
    try {
      localStorage.setItem(key, on ? "on" : "off");
    } catch {
      // in force for this visit
    }
  }

  private tick(): void {
    const { ringing, streamLost, speech } = this.source();
    const { heard, tone, speak } = decide(this.heard, ringing, streamLost, Date.now());
    this.heard = heard;
    this.set({ mutedUntil: heard.mutedUntil });
    if (!this.state.enabled || !tone) return;
    // Whoever typed a password has touched the page: sound may begin without another click.
    if (!this.context && navigator.userActivation?.hasBeenActive) this.unblock();
    if (!this.context || this.context.state !== "running") {
      this.set({ blocked: true });
      return;
    }
    this.set({ blocked: false });
    play(this.context, tone);
    const words = speak === null || !this.state.spoken ? null : speech(speak);
    if (words) say(words.text, words.language);
  }
}

function play(context: AudioContext, { frequencies, each, volume }: Tone): void {
  frequencies.forEach((frequency, i) => {
    const [start, length] = [context.currentTime + (i * (each + 40)) / 1000, each / 1000];
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    oscillator.frequency.value = frequency;
    // A short ramp at both ends: a square start clicks in a headset.
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(0.4 * volume, start + 0.015);
    gain.gain.setValueAtTime(0.4 * volume, start + length - 0.03);
    gain.gain.linearRampToValueAtTime(0, start + length);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(start);
    oscillator.stop(start + length);
  });
}

/** A voice of this machine for a language; one that needs a service elsewhere is not used: what is said names plants and alarms. */
export function voiceFor(language: string): SpeechSynthesisVoice | null {
  if (typeof speechSynthesis === "undefined") return null;
  return speechSynthesis.getVoices().find((v) => v.localService && v.lang.startsWith(language.slice(0, 2))) ?? null;
}

/** Says one alarm. In a flood what is new waits for nobody: the sentence under way is ended, and the newest is said. */
function say(text: string, language: string): void {
  const voice = voiceFor(language);
  if (!voice) return;
  speechSynthesis.cancel();
  const utterance = new SpeechSynthesisUtterance(text);
  utterance.voice = voice;
  utterance.lang = language;
  speechSynthesis.speak(utterance);
}
