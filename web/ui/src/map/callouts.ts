/**
 * Where a callout stands: beside its point, inside the view, on no other callout, and on as little as may be of what else is to be read (the
 * names of enterprises, other alarms). Pure, so that the choice can be tested.
 */
export type Box = { x: number; y: number; width: number; height: number };
export type Spot = { x: number; y: number };
export type Placed = { box: Box; from: Spot; to: Spot };

export const overlaps = (a: Box, b: Box): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const inside = (box: Box, view: Box): boolean => box.x >= view.x && box.y >= view.y && box.x + box.width <= view.x + view.width && box.y + box.height <= view.y + view.height;
const grown = (box: Box, by: number): Box => ({ x: box.x - by, y: box.y - by, width: box.width + 2 * by, height: box.height + 2 * by });
const shared = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) * Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y));
/** The leader meets the nearest edge of the box. */
const nearest = (p: Spot, box: Box): Spot => ({ x: Math.min(Math.max(p.x, box.x), box.x + box.width), y: Math.min(Math.max(p.y, box.y), box.y + box.height) });

/** Whether the way from one spot to another leads through a box. */
function crosses(from: Spot, to: Spot, box: Box): boolean {
  for (let i = 1; i < 16; i++) {
    const [x, y] = [from.x + ((to.x - from.x) * i) / 16, from.y + ((to.y - from.y) * i) / 16];
    if (x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height) return true;
  }
  return false;
}

/** Above right is liked best, then the other corners and sides; nearer is better. */
function candidates(p: Spot, { width: w, height: h }: { width: number; height: number }): Spot[] {
  return [0, 44, 100, 170].flatMap((far) => [
    { x: p.x + 34 + far * 0.6, y: p.y - 40 - h - far }, { x: p.x - 34 - w - far * 0.6, y: p.y - 40 - h - far }, { x: p.x + 40 + far, y: p.y - h / 2 }, { x: p.x - 40 - w - far, y: p.y - h / 2 },
    { x: p.x + 34 + far * 0.6, y: p.y + 40 + far }, { x: p.x - 34 - w - far * 0.6, y: p.y + 40 + far }, { x: p.x - w / 2, y: p.y - 46 - h - far }, { x: p.x - w / 2, y: p.y + 46 + far },
  ]);
}

/**
 * `taken` is never covered; `avoid` (heavier first: names, then symbols) only where nothing better is free. A point that finds no room gets
 * no callout: the list has it.
 */
export function placeCallouts(points: readonly Spot[], size: { width: number; height: number }, view: Box, taken: readonly Box[] = [], avoid: readonly { box: Box; weight: number }[] = []): (Placed | null)[] {
  const boxes: Box[] = [...taken];
  const placed: Placed[] = [];
  const dots = points.map((p): Box => ({ x: p.x - 18, y: p.y - 18, width: 36, height: 36 }));
  return points.map((p, i) => {
    if (p.x < view.x || p.y < view.y || p.x > view.x + view.width || p.y > view.y + view.height) return null;
    let best: { cost: number; placed: Placed } | null = null;
    for (const [n, at] of candidates(p, size).entries()) {
      const box: Box = { ...at, ...size };
      if (!inside(box, view) || boxes.some((b) => overlaps(grown(box, 6), b)) || dots.some((d, j) => j !== i && overlaps(box, d))) continue;
      const to = nearest(p, box);
      if (placed.some((other) => crosses(p, to, other.box) || crosses(other.from, other.to, box))) continue;
      const covered = avoid.reduce((sum, a) => sum + shared(box, a.box) * a.weight, 0);
      const cost = covered + n * 12 + Math.hypot(to.x - p.x, to.y - p.y) * 2;
      if (best === null || cost < best.cost) best = { cost, placed: { box, from: p, to } };
    }
    if (best === null) return null;
    boxes.push(best.placed.box);
    placed.push(best.placed);
    return best.placed;
  });
}

/** The spots that keep a distance from those before them: rings and counts that would lie on each other are left to the graver. */
export function apart<T>(items: readonly T[], at: (item: T) => Spot, distance: number): T[] {
  const kept: { item: T; spot: Spot }[] = [];
  for (const item of items) {
    const spot = at(item);
    if (kept.every((k) => Math.hypot(k.spot.x - spot.x, k.spot.y - spot.y) >= distance)) kept.push({ item, spot });
  }
  return kept.map((k) => k.item);
}
