/** Many alarms at once: what is chosen is what was seen, and each reason for a refusal is told once. */
import { describe, expect, it } from "vitest";
import type { Alarm } from "../api/types";
import { stillThere, summaryOf, toggled, toggledAll } from "./selection";

const list = ["a", "b", "c"].map((id) => ({ id }) as Alarm);

describe("a choice of alarms", () => {
  it("is made one by one and taken back", () => {
    const one = toggled(new Set(), "b");
    expect([...toggled(one, "a")].sort()).toEqual(["a", "b"]);
    expect([...toggled(one, "b")]).toEqual([]);
    expect([...one]).toEqual(["b"]);
  });
  it("is all of the list, then none", () => {
    const all = toggledAll(new Set(["b"]), list);
    expect([...all]).toEqual(["a", "b", "c"]);
    expect(toggledAll(all, list).size).toBe(0);
  });
  it("takes what comes later not in, and lets go what has left, in the order of the list", () => {
    const chosen = toggledAll(new Set(), list);
    const later = [{ id: "new" } as Alarm, ...[...list].reverse().filter((a) => a.id !== "b")];
    expect(stillThere(chosen, later).map((a) => a.id)).toEqual(["c", "a"]);
  });
  it("is answered with a count and each reason once", () => {
    const items = [{ id: "1", outcome: "done" }, { id: "2", outcome: "quiet", message: "q" }, { id: "3", outcome: "not_open", message: "over" }, { id: "4", outcome: "not_open", message: "over" }];
    expect(summaryOf(items)).toEqual({ done: 1, refused: [{ code: "not_open", message: "over", n: 2 }, { code: "quiet", message: "q", n: 1 }] });
  });
});
