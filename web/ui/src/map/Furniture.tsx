/** The fixed furniture of the map: what to show (top left), legend with scale (bottom left), zoom (bottom right). */
import { useI18n, type MessageKey } from "../i18n";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import type { KindFilter } from "./markers";

const KINDS: readonly (readonly [KindFilter, MessageKey, string | null])[] = [
  ["all", "map.all", null], ["abnormal", "map.abnormal", null], ["sphere", "map.kind.sphere", "eq-sphere"], ["tank", "map.kind.tank", "eq-tank"],
  ["unit", "map.kind.unit", "eq-unit"], ["warehouse", "map.kind.warehouse", "eq-warehouse"], ["detector", "map.kind.detector", "eq-gas"],
];

export function Filters({ kind, abnormal, onChange }: { kind: KindFilter; abnormal: number; onChange: (kind: KindFilter) => void }) {
  const { t } = useI18n();
  return (
    <div className="float map-filters" role="group" aria-label={t("map.filters")}>
      {KINDS.map(([value, label, icon]) => (
        <button key={value} type="button" aria-pressed={kind === value} onClick={() => onChange(value)}>
          {icon ? <Symbol name={icon} size={16} /> : null}
          {t(label, { n: abnormal })}
        </button>
      ))}
    </div>
  );
}

/** The roundest length that fits into `widest` pixels. */
export function scaleLength(metresPerPixel: number, widest = 116): { metres: number; pixels: number } {
  const most = metresPerPixel * widest;
  const power = 10 ** Math.floor(Math.log10(most));
  const metres = [5, 2, 1].map((n) => n * power).find((n) => n <= most) ?? power;
  return { metres, pixels: metres / metresPerPixel };
}

export function Legend({ metresPerPixel }: { metresPerPixel: number | null }) {
  const { t } = useI18n();
  const scale = metresPerPixel ? scaleLength(metresPerPixel, window.innerWidth < 768 ? 54 : 116) : null;
  return (
    <div className="float map-legend f12 s" role="group" aria-label={t("map.legend")}>
      {([1, 2, 3, 4] as const).map((level) => <span key={level} className="row g4"><LevelSymbol level={level} size={14} quiet />{t(`level.${level}`)}</span>)}
      <span className="row g4">
        <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true"><circle cx="9" cy="9" r="7.5" fill="var(--a1)" opacity=".15" /><circle cx="9" cy="9" r="4" fill="none" stroke="var(--a1)" strokeWidth="2" /></svg>
        {t("map.legendUnacked")}
      </span>
      <span className="row g4"><Symbol name="st-shelve" size={14} />{t("map.legendQuiet")}</span>
      <span className="row g4">
        <svg width="20" height="14" aria-hidden="true"><rect x=".5" y=".5" width="19" height="13" fill="none" stroke="var(--bad)" strokeDasharray="3 2" /><path d="M2 12L12 2M8 12L18 2" stroke="var(--bad)" opacity=".6" /></svg>
        {t("map.legendLost")}
      </span>
      {scale ? (
        <span className="row g6 scale">
          <svg width={scale.pixels} height="8" aria-hidden="true"><path d={`M.5 1V7H${scale.pixels - 0.5}V1`} stroke="var(--ink2)" fill="none" /></svg>
          {scale.metres >= 1000 ? `${scale.metres / 1000} km` : `${scale.metres} m`}
        </span>
      ) : null}
    </div>
  );
}

export function ZoomButtons({ onWhole, onStep }: { onWhole: () => void; onStep: (step: 1 | -1) => void }) {
  const { t } = useI18n();
  return (
    <div className="float map-zoom">
      <button type="button" aria-label={t("map.whole")} title={t("map.whole")} onClick={onWhole}><Symbol name="ac-locate" size={18} /></button>
      <button type="button" aria-label={t("map.zoomIn")} onClick={() => onStep(1)}><Symbol name="ui-plus" size={18} /></button>
      <button type="button" aria-label={t("map.zoomOut")} onClick={() => onStep(-1)}><Symbol name="ui-minus" size={18} /></button>
    </div>
  );
}
