/** The palette keeps the promises of design-language §2: computed from tokens.css, so a changed value cannot quietly break them. */
import { describe, expect, it } from "vitest";
import { ciede2000, contrast, difference, type Sight } from "./colour";
import { token, type Theme } from "./tokens";

const THEMES: Theme[] = ["light", "dark"];
const SIGHTS: Sight[] = ["normal", "protan", "deutan", "tritan"];

describe.each(THEMES)("the %s theme", (theme) => {
  const t = (name: string) => token(theme, name);

  it.each(["panel", "raised", "ground"])("keeps text readable on %s (4.5)", (ground) => {
    for (const text of ["ink", "ink2", "ink3", "accent", "a1t", "a2t", "a3t", "a4t", "bad"]) {
      expect(contrast(t(text), t(ground)), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("keeps text on its tint and on the accent readable (4.5)", () => {
    for (const level of [1, 2, 3, 4]) expect(contrast(t(`a${level}t`), t(`a${level}s`)), `level ${level}`).toBeGreaterThanOrEqual(5.4);
    expect(contrast(t("bad"), t("bads"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(t("onaccent"), t("accent"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(t("ink2"), t("sunken"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(t("accenth"), t("soft"))).toBeGreaterThanOrEqual(4.5);
  });

  it("shows symbols at 3 or more, the rim counting for yellow, and their numerals at 4.5", () => {
    for (const level of [1, 2, 3, 4]) {
      const edge = level === 3 ? Math.max(contrast(t("a3"), t("panel")), contrast(t("a3o"), t("panel"))) : contrast(t(`a${level}`), t("panel"));
      expect(edge, `level ${level}`).toBeGreaterThanOrEqual(3);
      expect(contrast(t(`k${level}`), t(`a${level}`)), `numeral ${level}`).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(t("line3"), t("raised"))).toBeGreaterThanOrEqual(3);
  });

  it.each(SIGHTS)("keeps neighbouring levels 8 apart for %s sight", (sight) => {
    for (const [a, b] of [["a1", "a2"], ["a2", "a3"], ["a3", "a4"], ["a4", "bad"]] as const) {
      expect(difference(t(a), t(b), sight), `${a}-${b}`).toBeGreaterThanOrEqual(8);
    }
  });
});

describe("the arithmetic itself", () => {
  it("gives 21 for black on white", () => expect(contrast("#000000", "#FFFFFF")).toBeCloseTo(21, 5));

  it("agrees with the published CIEDE2000 pairs (Sharma 2005, pairs 1, 7 and 24)", () => {
    expect(ciede2000([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 3);
    expect(ciede2000([50, 0, 0], [50, -1, 2])).toBeCloseTo(2.3669, 3);
    expect(ciede2000([50, 2.5, 0], [58, 24, 15])).toBeCloseTo(19.4535, 3);
  });
});
