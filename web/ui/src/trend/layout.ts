/** Where words stand on a trend so that nothing is written over them or by them. Plain functions over pixels. */

/** About how wide a text is at a size: Chinese signs are square, others about half. */
export function textWidth(text: string, size: number): number {
  return [...text].reduce((sum, ch) => sum + (ch.charCodeAt(0) > 0x2e7f ? size : ch === " " || ch === ":" || ch === "." ? size * 0.34 : size * 0.62), 0);
}

export type MomentSpot = { x: number; words: string };
export type MomentLabel = { symbol: boolean; words: "left" | "right" | null };

const SYMBOL = 15;
const SPACE = 6;

/**
 * The row of alarm moments, the most important first: every symbol that does not lie on a more important one, then words beside a symbol where
 * they cover neither symbol nor words. `from` and `to` bound the row.
 */
export function layoutMoments(moments: readonly MomentSpot[], size: number, from: number, to: number): MomentLabel[] {
  const taken: [number, number][] = [];
  const free = (a: number, b: number): boolean => a >= from && b <= to && taken.every(([c, d]) => b <= c || a >= d);
  const symbols = moments.map(({ x }) => {
    const [a, b] = [x - SYMBOL / 2 - 1, x + SYMBOL / 2 + 1];
    const fits = taken.every(([c, d]) => b <= c || a >= d);
    if (fits) taken.push([a, b]);
    return fits;
  });
  return moments.map(({ x, words }, i) => {
    if (!symbols[i]) return { symbol: false, words: null };
    const w = textWidth(words, size) + SPACE;
    const edge = SYMBOL / 2 + 1;
    for (const side of ["left", "right"] as const) {
      const span: [number, number] = side === "left" ? [x - edge - w, x - edge] : [x + edge, x + edge + w];
      if (!free(...span)) continue;
      taken.push(span);
      return { symbol: true, words: side };
    }
    return { symbol: true, words: null };
  });
}

/** A height in a panel, in pixels from its top, where a line of text meets none of the given lines; the middle is liked best. */
export function clearHeight(height: number, lines: readonly number[], text = 14, like: readonly number[] = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82]): number {
  const distance = (y: number): number => Math.min(Infinity, ...lines.map((l) => Math.abs(l - y)));
  const spots = like.map((share) => share * height).filter((y) => y >= text / 2 + 1 && y <= height - text / 2 - 1);
  return spots.find((y) => distance(y) >= text / 2 + 4) ?? spots.sort((a, b) => distance(b) - distance(a))[0] ?? height / 2;
}

/** Keeps the words of gaps that do not run into each other, the longest gap first. */
export function gapLabels(gaps: readonly { x: number; width: number; words: string }[], size: number, from: number, to: number): boolean[] {
  const taken: [number, number][] = [];
  const shown = new Set<number>();
  for (const i of gaps.map((_, i) => i).sort((a, b) => (gaps[b]?.width ?? 0) - (gaps[a]?.width ?? 0))) {
    const gap = gaps[i];
    if (!gap) continue;
    const half = textWidth(gap.words, size) / 2 + 4;
    const [a, b] = [gap.x - half, gap.x + half];
    if (a < from || b > to || taken.some(([c, d]) => b > c && a < d)) continue;
    taken.push([a, b]);
    shown.add(i);
  }
  return gaps.map((_, i) => shown.has(i));
}
