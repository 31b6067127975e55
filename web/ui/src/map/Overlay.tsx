/** What stands above the map canvas: at most five callouts with their leaders and rings, and the notes on plots whose data is lost. */
import type { Alarm } from "../api/types";
import { alarmTitle } from "../alarms/alarm";
import { AlarmValueNow } from "../alarms/AlarmValue";
import { useI18n } from "../i18n";
import { useNow } from "../ui/clock";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import { duration, durationWords } from "../ui/time";
import { apart, placeCallouts, type Box } from "./callouts";
import type { AlarmGroup, Place } from "./markers";
import type { Projector, View } from "./MapView";

export type LostPlot = { code: string; at: Place; since: number };
/** A name on the map with how many signs wide it is: what callouts should not cover. */
export type NameSpot = { at: Place; ems: number };
type Props = { project: Projector; view: View; groups: readonly AlarmGroup[]; all: readonly AlarmGroup[]; names: readonly NameSpot[]; rings: readonly AlarmGroup[]; lost: readonly LostPlot[]; drained: boolean; onChoose: (alarm: Alarm) => void };

const SIZE = { width: 204, height: 56 };

const around = (p: { x: number; y: number }, width: number, height: number): Box => ({ x: p.x - width / 2, y: p.y - height / 2, width, height });

export function Overlay({ project, view, groups, all, names, rings, lost, drained, onChoose }: Props) {
  const { t, language } = useI18n();
  const now = useNow(1000);
  const narrow = view.width < 600;
  const spots = groups.map((g) => project(g.at));
  const furniture: Box[] = narrow ? [] : [{ x: 0, y: 0, width: 560, height: 56 }, { x: view.width - 190, y: 0, width: 190, height: 56 }, { x: 0, y: view.height - 56, width: 590, height: 56 }, { x: view.width - 60, y: view.height - 130, width: 60, height: 130 }];
  const avoid = narrow ? [] : [
    ...names.map(({ at, ems }) => ({ box: around(project(at), ems * 13 + 12, 46), weight: 1.5 })),
    ...all.map((g) => ({ box: around(project(g.at), 30, 30), weight: 1 })),
  ];
  const placed = narrow ? [] : placeCallouts(spots, SIZE, { x: 8, y: 8, width: view.width - 16, height: view.height - 16 }, furniture, avoid);
  const ringed = apart(rings, (g) => project(g.at), 26);
  return (
    <div className="map-overlay">
      {lost.map(({ code, at, since }) => {
        const p = project(at);
        return (
          <span key={code} className="lost-note" style={{ transform: `translate(${p.x}px, ${p.y + (view.zoom >= 14 ? 4 : 10)}px) translateX(-50%)` }}>
            <Symbol name="q-bad" size={12} />
            {t("map.lost", { duration: durationWords(now - since, language) })}
          </span>
        );
      })}
      <svg className="leaders" width={view.width} height={view.height} aria-hidden="true">
        {ringed.map((g) => {
          const p = project(g.at);
          return (
            <g key={g.key} className={`al${g.worst}`}>
              <circle className="soft-ring" cx={p.x} cy={p.y} r={19} fill="currentColor" />
              <circle cx={p.x} cy={p.y} r={14} fill="none" stroke="currentColor" strokeWidth={2.5} />
            </g>
          );
        })}
        {placed.map((c, i) => {
          const group = groups[i];
          return c && group ? <path key={group.key} className={`al${group.worst}`} d={`M${c.from.x} ${c.from.y}L${c.to.x} ${c.to.y}`} stroke="currentColor" strokeWidth={1.5} fill="none" /> : null;
        })}
      </svg>
      {placed.map((c, i) => {
        const group = groups[i];
        const alarm = group?.alarms[0];
        if (!c || !group || !alarm) return null;
        const title = alarmTitle(alarm, t, language);
        return (
          <button
            key={group.key} type="button" className={`callout l${group.worst}`} style={{ transform: `translate(${c.box.x}px, ${c.box.y}px)`, width: SIZE.width, height: SIZE.height }}
            onClick={() => onChoose(alarm)} aria-label={t("map.callout", { what: title, value: t(`level.alarm.${alarm.level}`) })}
          >
            <span className="row g6"><LevelSymbol level={alarm.level} size={15} quiet /><b className="ell">{title}</b></span>
            <span className="row g6">
              <AlarmValueNow alarm={alarm} className="callout-value" />
              <span className={`chip ${drained ? "" : `c${alarm.level}`}`}>{t(`alarms.short.${alarm.condition}`)}</span>
              <span className="grow" />
              <span className="m nw">{duration(now - alarm.raised_at)}</span>
            </span>
          </button>
        );
      })}
    </div>
  );
}
