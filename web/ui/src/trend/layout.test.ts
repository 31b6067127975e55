/** Words on a trend do not lie on each other, on symbols or on limit lines. */
import { describe, expect, it } from "vitest";
import { clearHeight, gapLabels, layoutMoments, textWidth } from "./layout";

describe("alarm moments", () => {
  it("write to the left where there is room, to the right where there is none", () => {
    expect(layoutMoments([{ x: 300, words: "HH 01:35:43" }], 12, 0, 500)).toEqual([{ symbol: true, words: "left" }]);
    expect(layoutMoments([{ x: 20, words: "HH 01:35:43" }], 12, 0, 500)).toEqual([{ symbol: true, words: "right" }]);
  });
  it("drop words that would lie on a symbol, and keep the symbols", () => {
    const labels = layoutMoments([{ x: 200, words: "HH 01:35:43" }, { x: 225, words: "H 01:35:50" }, { x: 175, words: "H 01:35:20" }, { x: 204, words: "H 01:35:44" }], 12, 0, 400);
    expect(labels.map((l) => l.symbol)).toEqual([true, true, true, false]);
    expect(labels.map((l) => l.words)).toEqual([null, "right", "left", null]);
  });
});

describe("the words of a gap", () => {
  it("stand clear of limit lines", () => {
    expect(clearHeight(200, [])).toBe(100);
    const y = clearHeight(200, [100, 84]);
    expect(Math.min(Math.abs(y - 100), Math.abs(y - 84))).toBeGreaterThanOrEqual(11);
  });
  it("leave out the shorter of two gaps that meet", () => {
    expect(gapLabels([{ x: 100, width: 10, words: "坏值 3 分" }, { x: 120, width: 30, words: "坏值 9 分" }, { x: 300, width: 5, words: "坏值 1 分" }], 11, 0, 400)).toEqual([false, true, true]);
  });
  it("know that Chinese signs are square", () => expect(textWidth("坏值", 11)).toBe(22));
});
