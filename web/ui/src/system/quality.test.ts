import { describe, expect, it } from "vitest";
import { plantMidnight, shareOf, worst } from "./QualityTab";

const row = (expected: number, completeness: number, bad_share = 0) => ({ online: completeness, completeness, bad_share, expected, received: 0, bad: 0 });

describe("data quality", () => {
  it("shows a dash where nothing is expected yet, and a share only of something", () => {
    expect(shareOf(0, 0)).toBe("–");
    expect(shareOf(60, 0)).toBe("0.0 %");
    expect(shareOf(60, 0.9996)).toBe("99.9 %");
  });

  it("sorts the worst first and those without anything expected last", () => {
    const rows = [row(0, 0), row(60, 1), row(60, 0.2), row(60, 1, 0.5)];
    expect([...rows].sort(worst)).toEqual([rows[2], rows[3], rows[1], rows[0]]);
  });

  it("begins the day at the plant's midnight, wherever the browser is", () => {
    const noon = Date.UTC(2026, 10, 25, 4);
    expect(plantMidnight(noon)).toBe(Date.UTC(2026, 10, 24, 16));
    expect(plantMidnight(Date.UTC(2026, 10, 24, 16))).toBe(Date.UTC(2026, 10, 24, 16));
    expect(plantMidnight(Date.UTC(2026, 10, 24, 16) - 1)).toBe(Date.UTC(2026, 10, 23, 16));
  });
});
