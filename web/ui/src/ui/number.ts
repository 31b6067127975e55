/**
 * Numbers as design-language §10 writes them: decimals from the point's resolution and constant in width, a real minus sign, a comma
 * from 1,000 for counts only (never in codes). Units are printed as stored; nothing is converted.
 */
const MINUS = "−";

/** Decimals that show one step of the resolution and no more. */
export function decimalsOf(resolution: number | null | undefined): number {
  if (!resolution || resolution <= 0) return 1;
  // 0.05 needs two places although log10 alone says 1.3.
  for (let places = 0; places < 6; places++) {
    const scaled = resolution * 10 ** places;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-9) return places;
  }
  return 6;
}

/** Where nothing states a resolution, the engineering range gives one: about four figures over its span. */
export function decimalsOfRange(range: readonly [number, number] | null | undefined): number {
  if (!range) return 1;
  const span = Math.abs(range[1] - range[0]);
  if (!(span > 0)) return 1;
  return Math.min(4, Math.max(0, 3 - Math.floor(Math.log10(span))));
}

export function formatNumber(value: number, decimals: number): string {
  const text = Math.abs(value).toFixed(decimals);
  const zero = Number(text) === 0;
  return value < 0 && !zero ? MINUS + text : text;
}

export function formatSigned(value: number, decimals: number): string {
  const text = formatNumber(value, decimals);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

export function formatCount(count: number): string {
  return (count < 0 ? MINUS : "") + String(Math.abs(Math.trunc(count))).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function formatPercent(share: number, decimals = 1): string {
  return `${formatNumber(share * 100, decimals)} %`;
}
