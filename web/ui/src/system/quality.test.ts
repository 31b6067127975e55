import { describe, expect, it } from "vitest";
import { plantMidnight } from "./QualityTab";

describe("data quality", () => {
  it("begins the day at the plant's midnight, wherever the browser is", () => {
    const noon = Date.UTC(2026, 10, 25, 4);
    expect(plantMidnight(noon)).toBe(Date.UTC(2026, 10, 24, 16));
    expect(plantMidnight(Date.UTC(2026, 10, 24, 16))).toBe(Date.UTC(2026, 10, 24, 16));
    expect(plantMidnight(Date.UTC(2026, 10, 24, 16) - 1)).toBe(Date.UTC(2026, 10, 23, 16));
  });
});
