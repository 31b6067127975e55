/** A row of tabs that is wider than the screen starts where its current one can be seen. */
export function intoView(row: HTMLElement | null): void {
  const current = row?.querySelector<HTMLElement>(".active");
  if (row && current) row.scrollLeft = Math.max(0, current.offsetLeft + current.offsetWidth / 2 - row.clientWidth / 2 - row.offsetLeft);
}
