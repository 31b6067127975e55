/** A small line with its limits, for a card: no axes, the words beside it say the figures. Gaps stay gaps. */
export type SparkLimit = { value: number; className: string; dashed: boolean };
type Props = { values: readonly (number | null)[]; limits?: readonly SparkLimit[]; width?: number; height?: number; label: string; dotClass?: string };

export function Sparkline({ values, limits = [], width = 206, height = 54, label, dotClass = "" }: Props) {
  const known = values.filter((v): v is number => v !== null);
  if (known.length < 2) return <svg width={width} height={height} aria-hidden="true" />;
  const all = [...known, ...limits.map((l) => l.value)];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const span = high - low || 1;
  const x = (i: number): number => 2 + (i / Math.max(1, values.length - 1)) * (width - 8);
  const y = (v: number): number => 4 + (1 - (v - low) / span) * (height - 8);
  let path = "";
  let pen = false;
  values.forEach((v, i) => {
    if (v === null) pen = false;
    else {
      path += `${pen ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
      pen = true;
    }
  });
  const lastIndex = values.findLastIndex((v) => v !== null);
  const last = values[lastIndex];
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label} style={{ display: "block", maxWidth: "100%" }}>
      {limits.map((l) => (
        <path key={l.value} d={`M0 ${y(l.value)}H${width}`} className={l.className} stroke="currentColor" strokeWidth={1} strokeDasharray={l.dashed ? "4 3" : undefined} fill="none" />
      ))}
      <path d={path} stroke="var(--ink2)" strokeWidth={1.5} strokeLinejoin="round" fill="none" />
      {last != null ? <circle cx={x(lastIndex)} cy={y(last)} r={3} className={dotClass} fill={dotClass ? "currentColor" : "var(--ink)"} /> : null}
    </svg>
  );
}
