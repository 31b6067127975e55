/** Conditions beyond limits in the form: which a point may have, what each begins with, and what is sent. */
import type { components } from "../api/generated";

export type Detector = components["schemas"]["DetectorBody"];
export type Kind = "DEVIATION" | "SPIKE" | "DRIFT" | "COUNTS" | "DISCREPANCY" | "EXPRESSION";
/** Delays in seconds. */
export type DetectorDraft = { condition: Kind; settings: string; on: number | null; off: number | null; level: number | null; reason: string };

/** What a new one begins with: every setting named, so that only numbers and tags are left to change. */
const BEGINNING: Record<Kind, string> = {
  DEVIATION: "from=[TAG]; limit=1; deadband=0.2; side=either",
  SPIKE: "window=9; k=4; least=1",
  DRIFT: "target=0; sigma=1; k=0.5; h=5; every_s=60",
  COUNTS: "state=1; at_least=5; window_s=600",
  DISCREPANCY: "command=[TAG]; travel_s=10; offset=0",
  EXPRESSION: "",
};
const ANALOG: readonly Kind[] = ["DEVIATION", "SPIKE", "DRIFT", "EXPRESSION"];
const DISCRETE: readonly Kind[] = ["COUNTS", "DISCREPANCY", "EXPRESSION"];

/** Kinds that a point may have and has not. */
export const availableKinds = (pointKind: string, present: readonly Pick<Detector, "condition">[]): Kind[] =>
  (pointKind === "discrete" ? DISCRETE : ANALOG).filter((kind) => !present.some((d) => d.condition === kind));

export const draftOf = (of: Detector | null, kind: Kind): DetectorDraft =>
  of
    ? { condition: of.condition as Kind, settings: of.settings, on: of.on_delay_ms / 1000, off: of.off_delay_ms / 1000, level: of.level ?? null, reason: "" }
    : { condition: kind, settings: BEGINNING[kind], on: 0, off: 0, level: null, reason: "" };

export const bodyOf = (draft: DetectorDraft, version: number): Required<components["schemas"]["DetectorInput"]> => ({
  condition: draft.condition, settings: draft.settings.trim(), on_delay_ms: Math.round((draft.on ?? 0) * 1000), off_delay_ms: Math.round((draft.off ?? 0) * 1000),
  level: draft.level, reason: draft.reason.trim(), version,
});
