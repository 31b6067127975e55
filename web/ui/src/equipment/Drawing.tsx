/**
 * The equipment drawn, with its level in it and its limits beside it (mock-up b). Grey in every state: colour belongs to the limit that is
 * broken. An unknown or bad level leaves the vessel empty and says so, and never looks like an empty tank.
 */
import type { Level, LimitKey, Name, Point } from "../api/types";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { formatNumber } from "../ui/number";
import { brokenLimit, LIMIT_CODES, LIMIT_KEYS, shareOfRange, stateOf } from "./points";
import { useReading, type Reading } from "./reading";
import { liquidTop, vesselOf, type Vessel } from "./vessel";

type Props = { kind: string; name: Name; tag: string; volume: number | null; level: Point | null; levels: Partial<Record<LimitKey, Level>>; inlet: Point | null; outlet: Point | null };

export function Drawing(props: Props) {
  return props.level ? <Filled {...props} point={props.level} /> : <Plain {...props} />;
}

function Filled({ point, ...rest }: Props & { point: Point }) {
  return <Vessel {...rest} point={point} reading={useReading(point)} />;
}
function Plain(props: Props) {
  return <Vessel {...props} point={null} reading={null} />;
}

function Vessel({ kind, name, tag, volume, levels, inlet, outlet, point, reading }: Omit<Props, "level"> & { point: Point | null; reading: Reading | null }) {
  const { t, language } = useI18n();
  const vessel = vesselOf(kind);
  const value = reading?.live && reading.face !== "bad" ? reading.live.value : null;
  const share = point && value !== null ? shareOfRange(point, value) : null;
  const top = liquidTop(vessel, share);
  const named = `${tag} ${localName(name, language)}`;
  const text = value === null || !point ? null : formatNumber(value, point.decimals);
  const broken = point ? brokenLimit(point, value) : null;
  const stale = reading?.face === "stale";
  const mid = (vessel.left + vessel.right) / 2;
  const label = text && point ? t("equipment.drawing", { name: named, level: `${text} ${point.unit}` }) : t("equipment.drawingPlain", { name: named });
  return (
    <svg viewBox="0 -2 288 296" role="img" aria-label={label} className={`drawing ${stale ? "is-stale" : ""}`}>
      <defs>
        <clipPath id="vessel-clip"><Outline vessel={vessel} /></clipPath>
        <pattern id="vessel-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V7" stroke="var(--bad)" strokeWidth="1.4" opacity=".5" /></pattern>
      </defs>
      <Feet vessel={vessel} />
      {inlet ? <Valve point={inlet} vessel={vessel} side="in" /> : null}
      {outlet ? <Valve point={outlet} vessel={vessel} side="out" /> : null}
      <g fill="var(--panel)"><Outline vessel={vessel} /></g>
      {top !== null ? (
        <g clipPath="url(#vessel-clip)">
          <rect x={vessel.left - 6} y={top} width={vessel.right - vessel.left + 12} height={300} fill="color-mix(in srgb, var(--line2) 62%, var(--raised))" opacity={stale ? 0.4 : 0.85} />
          <path d={`M${vessel.left - 6} ${top}H${vessel.right + 6}`} stroke="var(--ink3)" strokeWidth="1.6" />
        </g>
      ) : point ? <g fill="url(#vessel-hatch)"><Outline vessel={vessel} /></g> : null}
      <g fill="none" stroke="var(--ink3)" strokeWidth="3.2"><Outline vessel={vessel} /></g>
      {point ? (
        <>
          <text x={mid} y={(vessel.top + vessel.bottom) / 2 + 6} textAnchor="middle" className={`drawing-value ${text === null ? "bad" : ""}`}>
            {text ?? "- - -"}<tspan className="drawing-unit" dx="4">{point.unit}</tspan>
          </text>
          {/* Only in an upright tank is the share of the height the share of the volume. */}
          {volume !== null && share !== null && point.unit === "%" && kind === "tank" ? (
            <text x={mid} y={(vessel.top + vessel.bottom) / 2 + 28} textAnchor="middle" className="drawing-note">{formatNumber(share * volume, volume < 100 ? 1 : 0)} / {volume} m³</text>
          ) : text === null ? <text x={mid} y={(vessel.top + vessel.bottom) / 2 + 28} textAnchor="middle" className="drawing-note bad">{t("quality.bad")}</text> : null}
          <Scale vessel={vessel} point={point} share={share} broken={broken} levels={levels} />
        </>
      ) : null}
    </svg>
  );
}

/** A shut-off valve on its pipe: solid when closed, open when open, hatched grey when its state cannot be believed. */
function Valve({ point, vessel, side }: { point: Point; vessel: Vessel; side: "in" | "out" }) {
  const { language } = useI18n();
  const { live, face } = useReading(point);
  const state = face === "bad" ? null : stateOf(point, live?.value ?? null);
  const closed = state !== null && live?.value === 0;
  const mid = (vessel.left + vessel.right) / 2;
  const [x, y] = side === "in" ? [34, 22] : [mid + 44, 272];
  const pipe = side === "in" ? `M8 ${y}H${mid - 40}V${vessel.top + 20}` : `M${mid} ${vessel.bottom - 8}V${y}H${mid + 108}`;
  return (
    <g>
      <path d={pipe} fill="none" stroke="var(--line2)" strokeWidth="3" />
      <path d={`M${x - 12} ${y - 8}V${y + 8}L${x + 12} ${y - 8}V${y + 8}Z`} fill={closed ? "var(--ink2)" : "var(--raised)"} stroke={face === "stale" || !state ? "var(--stale)" : "var(--ink2)"} strokeWidth="1.6" strokeLinejoin="round" strokeDasharray={face === "stale" || !state ? "3 2" : undefined} />
      <text x={side === "in" ? 8 : mid + 18} y={side === "in" ? y - 12 : y + 19} className="drawing-note">
        {point.tag} <tspan fontWeight="600" fill="var(--ink)">{state ? localName(state.name, language) : "—"}</tspan>
      </text>
    </g>
  );
}

function Outline({ vessel: { kind, top, bottom, left, right } }: { vessel: Vessel }) {
  switch (kind) {
    case "sphere":
      return <circle cx={(left + right) / 2} cy={(top + bottom) / 2} r={(right - left) / 2} />;
    case "tank":
      return <path d={`M${left} ${bottom}V${top}C${left + 30} ${top - 26} ${right - 30} ${top - 26} ${right} ${top}V${bottom}Z`} />;
    case "htank":
      return <rect x={left} y={top} width={right - left} height={bottom - top} rx={(bottom - top) / 2} />;
    case "warehouse":
      return <path d={`M${left} ${bottom}V${top}L${(left + right) / 2} ${top - 44}L${right} ${top}V${bottom}Z`} />;
    case "unit":
      return <path d={`M${left + 10} ${bottom}V${top + 16}C${left + 10} ${top - 6} ${left + 70} ${top - 6} ${left + 70} ${top + 16}V${top + 60}H${right - 10}V${bottom - 56}H${left + 70}V${bottom}Z`} />;
    case "area":
      return <rect x={left} y={top} width={right - left} height={bottom - top} rx="4" strokeDasharray="8 6" />;
  }
}

function Feet({ vessel: { kind, bottom, left, right, top } }: { vessel: Vessel }) {
  const stroke = { stroke: "var(--line2)", strokeWidth: 5, fill: "none" } as const;
  const ground = <path d={`M${left - 16} ${kind === "sphere" ? 252 : kind === "htank" ? 226 : bottom + 2}H${right + 16}`} stroke="var(--line2)" strokeWidth="2" />;
  switch (kind) {
    case "sphere":
      return <>{ground}<path d={`M${left + 22} ${bottom - 34}L${left + 8} 252M${(left + right) / 2 - 24} ${bottom - 4}L${(left + right) / 2 - 30} 252M${(left + right) / 2 + 24} ${bottom - 4}L${(left + right) / 2 + 30} 252M${right - 22} ${bottom - 34}L${right - 8} 252`} {...stroke} /></>;
    case "htank":
      return <>{ground}<path d={`M${left + 46} ${bottom - 2}V226M${right - 46} ${bottom - 2}V226`} {...stroke} strokeWidth={12} /></>;
    case "unit":
      return <>{ground}<path d={`M${right - 60} ${bottom - 56}V${bottom}M${right - 20} ${bottom - 56}V${bottom}`} {...stroke} /><path d={`M${left + 10} ${top + 70}h60M${left + 10} ${top + 110}h60`} stroke="var(--line2)" strokeWidth="2" /></>;
    case "tank":
    case "warehouse":
    case "area":
      return ground;
  }
}

/** The scale beside the vessel with its limits; the broken one has the colour of its alarm. */
function Scale({ vessel, point, share, broken, levels }: { vessel: Vessel; point: Point; share: number | null; broken: LimitKey | null; levels: Partial<Record<LimitKey, Level>> }) {
  const x = 226;
  const y = (s: number): number => vessel.bottom - s * (vessel.bottom - vessel.top);
  let lastY = Infinity;
  const marks = LIMIT_KEYS.flatMap((key) => {
    const limit = point.limits?.[key];
    if (!limit) return [];
    const at = y(shareOfRange(point, limit.value));
    // Labels keep their distance even where limits are close.
    const textY = Math.min(at + 4, lastY - 15);
    lastY = textY;
    return [{ key, at, textY, text: `${LIMIT_CODES[key]} ${formatNumber(limit.value, Number.isInteger(limit.value) ? 0 : point.decimals)}`, level: levels[key] }];
  });
  return (
    <g className="drawing-scale">
      <path d={`M${x} ${vessel.top}V${vessel.bottom}`} stroke="var(--line2)" />
      {marks.map(({ key, at, textY, text, level }) => (
        <g key={key} className={level ? `al${level}` : ""}>
          <path d={`M${x - 4} ${at}H${x + 4}`} stroke={level ? "currentColor" : "var(--ink2)"} strokeWidth="2" />
          <text x={x + 8} y={textY} className={level ? `t${level} mark` : "mark"}>{text}</text>
        </g>
      ))}
      {share !== null ? <path d={`M${x - 3} ${y(share)}l-9 -5v10Z`} className={broken && levels[broken] ? `al${levels[broken]}` : ""} fill={broken && levels[broken] ? "currentColor" : "var(--ink)"} /> : null}
    </g>
  );
}
