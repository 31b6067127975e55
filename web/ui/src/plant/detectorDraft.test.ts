/** What a point may have, and what the form sends. */
import { describe, expect, it } from "vitest";
import { availableKinds, bodyOf, draftOf } from "./detectorDraft";

describe("conditions beyond limits", () => {
  it("offer a point what fits it and what it has not", () => {
    expect(availableKinds("analog", [{ condition: "SPIKE" }])).toEqual(["DEVIATION", "DRIFT", "EXPRESSION"]);
    expect(availableKinds("discrete", [])).toEqual(["COUNTS", "DISCREPANCY", "EXPRESSION"]);
  });
  it("go through the form unchanged, but for a reason that is new each time", () => {
    const of = { condition: "DRIFT", settings: "target=1; sigma=2", on_delay_ms: 1500, off_delay_ms: 0, level: 2, reason: "old", version: 3 };
    const draft = draftOf(of, "SPIKE");
    expect(draft.reason).toBe("");
    expect(bodyOf({ ...draft, reason: " new " }, of.version)).toEqual({ ...of, reason: "new" });
  });
  it("begin with every setting named and no level", () => {
    const body = bodyOf(draftOf(null, "COUNTS"), 0);
    expect(body).toEqual({ condition: "COUNTS", settings: "state=1; at_least=5; window_s=600", on_delay_ms: 0, off_delay_ms: 0, level: null, reason: "", version: 0 });
  });
});
