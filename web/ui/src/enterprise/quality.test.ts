import { describe, expect, it } from "vitest";
import { shareOf, spoiling, worst } from "./quality";

const row = (expected: number, completeness: number, bad_share = 0) => ({ online: completeness, completeness, bad_share, expected, received: expected * completeness, bad: 0 });

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

  it("blames no point from which nothing is expected yet, and none that is whole", () => {
    const [unborn, silent, whole, gappy, bad] = [row(0, 0), row(60, 0), row(60, 1), row(60, 0.5), row(60, 1, 0.2)];
    expect(spoiling([unborn, whole, bad, gappy, silent])).toEqual([silent, gappy, bad]);
  });
});
