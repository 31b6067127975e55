/** The alarm sound keeps its rhythm, its one-sound-per-group rule and its mute. */
import { describe, expect, it } from "vitest";
import { decide, mute, ringingOf, silent, type Heard, type Ringing } from "./decide";

const alarm = (id: string, level: 1 | 2 | 3 | 4, group = id): Ringing => ({ id, level, group });

/** Runs the decision four times a second and returns the moments (s) at which something sounded. */
function moments(ringing: (t: number) => Ringing[], seconds: number, start: Heard = silent, lost = false): number[] {
  const out: number[] = [];
  let heard = start;
  for (let t = 0; t <= seconds * 1000; t += 250) {
    const decision = decide(heard, ringing(t), lost, t);
    heard = decision.heard;
    if (decision.tone) out.push(t / 1000);
  }
  return out;
}

describe("what rings", () => {
  const one = (id: string, level: 1 | 2 | 3 | 4, state: "unacknowledged" | "acknowledged" | "returned_unacknowledged" | "latched_unacknowledged" | "latched_acknowledged" | "closed") => ({ id, group: id, level, state });
  it("is what nobody has answered, with its level", () => expect(ringingOf([one("a", 1, "unacknowledged"), one("b", 1, "acknowledged"), one("c", 3, "unacknowledged"), one("d", 1, "closed")]).map((r) => [r.id, r.level])).toEqual([["a", 1], ["c", 3]]));
  it("goes on in the rhythm of level 2 for what was grave and has returned unanswered", () =>
    expect(ringingOf([one("a", 1, "returned_unacknowledged"), one("b", 2, "returned_unacknowledged"), one("c", 3, "returned_unacknowledged")]).map((r) => [r.id, r.level])).toEqual([["a", 2], ["b", 2]]));
  it("rings what latched like what returned, and not once it is answered", () =>
    expect(ringingOf([one("a", 1, "latched_unacknowledged"), one("b", 1, "latched_acknowledged")]).map((r) => [r.id, r.level])).toEqual([["a", 2]]));
});

describe("the alarm sound", () => {
  it("repeats every 4 s for level 1 and every 12 s for level 2", () => {
    expect(moments(() => [alarm("a", 1)], 12)).toEqual([0, 4, 8, 12]);
    expect(moments(() => [alarm("a", 2)], 24)).toEqual([0, 12, 24]);
  });
  it("sounds once for level 3 and never for level 4", () => {
    expect(moments(() => [alarm("a", 3)], 60)).toEqual([0]);
    expect(moments(() => [alarm("a", 4)], 60)).toEqual([]);
  });
  it("sounds once for a group of level 3, and again for another group", () => {
    expect(moments((t) => (t < 5000 ? [alarm("a", 3, "tank")] : [alarm("a", 3, "tank"), alarm("b", 3, "tank")]), 10)).toEqual([0]);
    expect(moments((t) => (t < 5000 ? [alarm("a", 3)] : [alarm("a", 3), alarm("b", 3)]), 10)).toEqual([0, 5]);
  });
  it("stops at once when everything is acknowledged", () => {
    expect(moments((t) => (t < 5000 ? [alarm("a", 1)] : []), 20)).toEqual([0, 4]);
  });
  it("breaks into the rhythm at once when something graver comes", () => {
    expect(moments((t) => (t < 3000 ? [alarm("a", 2)] : [alarm("a", 2), alarm("b", 1)]), 8)).toEqual([0, 3, 7]);
  });
  it("rises over 30 s", () => {
    const first = decide(silent, [alarm("a", 1)], false, 0);
    const later = decide({ ...first.heard, lastPlayed: -Infinity }, [alarm("a", 1)], false, 30_000);
    expect(first.tone?.volume).toBeLessThan(0.3);
    expect(later.tone?.volume).toBe(1);
  });
  it("is spoken once per level 1 alarm", () => {
    const first = decide(silent, [alarm("a", 1)], false, 0);
    expect(first.speak).toBe("a");
    expect(decide(first.heard, [alarm("a", 1)], false, 4000).speak).toBeNull();
  });
  it("is muted for ten minutes at most", () => {
    const quiet = mute(decide(silent, [alarm("a", 1)], false, 0).heard, 0, 60 * 60_000);
    expect(quiet.mutedUntil).toBe(600_000);
    expect(decide(quiet, [alarm("a", 1)], false, 599_000).tone).toBeNull();
    expect(decide(quiet, [alarm("a", 1)], false, 600_000).tone).not.toBeNull();
  });
  it("breaks a mute when a new level 1 comes, not when a level 2 comes", () => {
    const quiet = mute(decide(silent, [alarm("a", 1)], false, 0).heard, 0);
    expect(decide(quiet, [alarm("a", 1), alarm("b", 2)], false, 1000).tone).toBeNull();
    const broken = decide(quiet, [alarm("a", 1), alarm("c", 1)], false, 1000);
    expect(broken.tone).not.toBeNull();
    expect(broken.heard.mutedUntil).toBeNull();
  });
  it("rings on after a mute that ran out, and speaks no alarm twice", () => {
    const heard = decide(silent, [alarm("a", 1)], false, 0).heard;
    const after = decide(mute(heard, 1000), [alarm("a", 1)], false, 601_500);
    expect([after.tone !== null, after.speak, after.heard.mutedUntil]).toEqual([true, null, null]);
  });
  it("gives the soft tone of level 3 once the graver ones are answered", () => {
    expect(moments((t) => (t < 5000 ? [alarm("a", 1), alarm("c", 3)] : [alarm("c", 3)]), 20)).toEqual([0, 4, 5]);
  });
  it("reminds every 20 s that the stream to this screen is lost", () => {
    expect(moments(() => [], 45, { ...silent, lastPlayed: 0 }, true)).toEqual([20, 40]);
  });
});
