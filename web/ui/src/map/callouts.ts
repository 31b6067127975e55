/** Where a callout stands: beside its point, inside the view, on nothing else. Pure, so that the choice can be tested. */
export type Box = { x: number; y: number; width: number; height: number };
export type Spot = { x: number; y: number };
export type Placed = { box: Box; from: Spot; to: Spot };

const overlaps = (a: Box, b: Box): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const inside = (box: Box, view: Box): boolean => box.x >= view.x && box.y >= view.y && box.x + box.width <= view.x + view.width && box.y + box.height <= view.y + view.height;
const grown = (box: Box, by: number): Box => ({ x: box.x - by, y: box.y - by, width: box.width + 2 * by, height: box.height + 2 * by });

/** Tries eight places around each point, in this order of liking; a point that finds no room gets no callout (the list has it). */
export function placeCallouts(points: readonly Spot[], size: { width: number; height: number }, view: Box, taken: readonly Box[] = []): (Placed | null)[] {
  const boxes: Box[] = [...taken];
  const dots = points.map((p): Box => ({ x: p.x - 18, y: p.y - 18, width: 36, height: 36 }));
  return points.map((p, i) => {
    if (p.x < view.x || p.y < view.y || p.x > view.x + view.width || p.y > view.y + view.height) return null;
    const { width: w, height: h } = size;
    const candidates: Spot[] = [
      { x: p.x + 34, y: p.y - 40 - h }, { x: p.x - 34 - w, y: p.y - 40 - h }, { x: p.x + 40, y: p.y - h / 2 }, { x: p.x - 40 - w, y: p.y - h / 2 },
      { x: p.x + 34, y: p.y + 40 }, { x: p.x - 34 - w, y: p.y + 40 }, { x: p.x - w / 2, y: p.y - 46 - h }, { x: p.x - w / 2, y: p.y + 46 },
    ];
    for (const at of candidates) {
      const box: Box = { ...at, width: w, height: h };
      if (!inside(box, view) || boxes.some((b) => overlaps(grown(box, 6), b)) || dots.some((d, j) => j !== i && overlaps(box, d))) continue;
      boxes.push(box);
      // The leader meets the nearest edge of the box.
      const to = { x: Math.min(Math.max(p.x, box.x), box.x + w), y: Math.min(Math.max(p.y, box.y), box.y + h) };
      return { box, from: p, to };
    }
    return null;
  });
}
