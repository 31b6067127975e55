/**
 * Colour arithmetic for the palette test: WCAG contrast, colour-blindness simulation after Machado et al. 2009 (full severity,
 * matrices applied to linear RGB) and the CIEDE2000 difference. Design-language §2.4 asks that its tables be computed, not believed.
 */
export type Rgb = readonly [number, number, number];
export type Sight = "normal" | "protan" | "deutan" | "tritan";

export function parseHex(hex: string): Rgb {
  const digits = /^#([0-9a-f]{6})$/i.exec(hex)?.[1];
  if (!digits) throw new Error(`not a #rrggbb colour: ${hex}`);
  const n = parseInt(digits, 16);
  return [(n >> 16) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
}

const toLinear = (c: number): number => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const linear = ([r, g, b]: Rgb): Rgb => [toLinear(r), toLinear(g), toLinear(b)];

function luminance(colour: Rgb): number {
  const [r, g, b] = linear(colour);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG 2 contrast ratio, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [x, y] = [luminance(parseHex(a)), luminance(parseHex(b))];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

type Matrix = readonly [Rgb, Rgb, Rgb];
const MACHADO: Record<Exclude<Sight, "normal">, Matrix> = {
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

const dot = (row: Rgb, v: Rgb): number => row[0] * v[0] + row[1] * v[1] + row[2] * v[2];
const apply = (m: Matrix, v: Rgb): Rgb => [dot(m[0], v), dot(m[1], v), dot(m[2], v)];

function toLab(linearRgb: Rgb): Rgb {
  const clipped = linearRgb.map((c) => Math.min(1, Math.max(0, c))) as unknown as Rgb;
  const xyz = apply([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]], clipped);
  const f = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 / 116) * t + 16 / 116);
  const [x, y, z] = [f(xyz[0] / 0.95047), f(xyz[1]), f(xyz[2] / 1.08883)];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIEDE2000 (Sharma, Wu, Dalal 2005). */
export function ciede2000([l1, a1, b1]: Rgb, [l2, a2, b2]: Rgb): number {
  const rad = Math.PI / 180;
  const meanC = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const g = 0.5 * (1 - Math.sqrt(meanC ** 7 / (meanC ** 7 + 25 ** 7)));
  const [ap1, ap2] = [a1 * (1 + g), a2 * (1 + g)];
  const [c1, c2] = [Math.hypot(ap1, b1), Math.hypot(ap2, b2)];
  const hue = (a: number, b: number): number => (a === 0 && b === 0 ? 0 : (Math.atan2(b, a) / rad + 360) % 360);
  const [h1, h2] = [hue(ap1, b1), hue(ap2, b2)];
  let dh = c1 * c2 === 0 ? 0 : h2 - h1;
  if (dh > 180) dh -= 360;
  if (dh < -180) dh += 360;
  const dH = 2 * Math.sqrt(c1 * c2) * Math.sin((dh / 2) * rad);
  const [dL, dC] = [l2 - l1, c2 - c1];
  const [mL, mC] = [(l1 + l2) / 2, (c1 + c2) / 2];
  let mH = c1 * c2 === 0 ? h1 + h2 : (h1 + h2) / 2;
  if (c1 * c2 !== 0 && Math.abs(h1 - h2) > 180) mH += h1 + h2 < 360 ? 180 : -180;
  const t = 1 - 0.17 * Math.cos((mH - 30) * rad) + 0.24 * Math.cos(2 * mH * rad) + 0.32 * Math.cos((3 * mH + 6) * rad)
    - 0.2 * Math.cos((4 * mH - 63) * rad);
  const sL = 1 + (0.015 * (mL - 50) ** 2) / Math.sqrt(20 + (mL - 50) ** 2);
  const sC = 1 + 0.045 * mC;
  const sH = 1 + 0.015 * mC * t;
  const rT = -Math.sin(60 * Math.exp(-(((mH - 275) / 25) ** 2)) * rad) * 2 * Math.sqrt(mC ** 7 / (mC ** 7 + 25 ** 7));
  return Math.sqrt((dL / sL) ** 2 + (dC / sC) ** 2 + (dH / sH) ** 2 + rT * (dC / sC) * (dH / sH));
}

/** How far apart two colours look to somebody with that sight. */
export function difference(a: string, b: string, sight: Sight): number {
  const seen = (hex: string): Rgb => {
    const rgb = linear(parseHex(hex));
    return toLab(sight === "normal" ? rgb : apply(MACHADO[sight], rgb));
  };
  return ciede2000(seen(a), seen(b));
}
