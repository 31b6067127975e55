/** What is new, mine and overdue on the desk. */
import { describe, expect, it } from "vitest";
import type { Alarm } from "../api/types";
import { exportQuery } from "./ExportButton";
import { byLateness, isMine, isNew, isOverdue } from "./views";

const make = (change: Partial<Alarm> = {}): Alarm => ({ id: "a", level: 1, state: "unacknowledged", owner: null, decided_at: 1000, ...change }) as Alarm;
const LIMITS = [100, 200, 300, 400];

describe("the views of the desk", () => {
  it("count as new what nobody has answered or taken over", () => {
    expect(isNew(make())).toBe(true);
    expect(isNew(make({ state: "returned_unacknowledged" }))).toBe(true);
    expect(isNew(make({ owner: { by: "w", name: "w", at: 1 } }))).toBe(false);
    expect(isNew(make({ state: "acknowledged" }))).toBe(false);
  });
  it("count as mine what I have taken over", () => {
    expect(isMine(make({ owner: { by: "w", name: "w", at: 1 } }), "w")).toBe(true);
    expect(isMine(make(), "w")).toBe(false);
  });
  it("count as overdue what waits beyond the time of its level", () => {
    expect(isOverdue(make(), LIMITS, 1099)).toBe(false);
    expect(isOverdue(make(), LIMITS, 1100)).toBe(true);
    expect(isOverdue(make({ level: 4 }), LIMITS, 1100)).toBe(false);
    expect(isOverdue(make({ state: "acknowledged" }), LIMITS, 9999)).toBe(false);
    expect(isOverdue(make({ owner: { by: "w", name: "w", at: 1 } }), LIMITS, 9999)).toBe(true);
    expect(isOverdue(make(), null, 9999)).toBe(false);
  });
  it("put the gravest first, and within a level what is late longest", () => {
    const order = [make({ id: "c", level: 2, decided_at: 0 }), make({ id: "b", decided_at: 500 }), make({ id: "a" })].sort(byLateness(LIMITS)).map((a) => a.id);
    expect(order).toEqual(["b", "a", "c"]);
  });
  it("are exported as what they show", () => {
    const asked = { view: "mine", region: "41", level: 2, text: " x ", me: "w" } as const;
    expect(exportQuery(asked, 0)).toEqual({ region: "41", level: 2, q: "x", open: false, owner: "w", disposed: false });
    expect(exportQuery({ ...asked, view: "standing", text: "" }, 0)).toEqual({ region: "41", level: 2, q: null, open: true });
    expect(exportQuery({ ...asked, view: "recent" }, 86_400_000)["from"]).toBe(0);
  });
});
