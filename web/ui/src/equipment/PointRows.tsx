/** Points as dense rows: name, value in its true look, age. */
import "./point-rows.css";
import type { Alarm, Point } from "../api/types";
import { markOf } from "../alarms/alarm";
import { QuietMark, useQuietOfPoint } from "../alarms/quiet";
import { useI18n } from "../i18n";
import { localName } from "../i18n/name";
import { confirmedAt } from "../live/protocol";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Age, Value } from "../ui/Value";
import { stateOf } from "./points";
import { useReading } from "./reading";

export function PointRow({ point, alarms, onSelect }: { point: Point; alarms: readonly Alarm[]; onSelect?: () => void }) {
  const { language } = useI18n();
  const { live, face } = useReading(point);
  const state = stateOf(point, live?.value ?? null);
  const mark = markOf(alarms.filter((a) => a.point === point.id));
  const quiet = useQuietOfPoint(point.id);
  const words = (
    <>
      {mark ? <LevelSymbol level={mark.alarm.level} size={14} outline={mark.outline} /> : null}
      <QuietMark alarms={quiet} size={14} />
      <span className="ell">{localName(point.name, language)} <span className="m f12">{point.tag}</span></span>
    </>
  );
  return (
    <li className="point-row" data-point={point.id} data-face={face}>
      {onSelect ? <button type="button" className="point-name" onClick={onSelect}>{words}</button> : <span className="point-name">{words}</span>}
      <Value value={live?.value ?? null} unit={point.unit} decimals={point.decimals} face={face} late={live?.late ?? false} word={state ? localName(state.name, language) : null} />
      <Age at={live ? confirmedAt(live) : null} source={live?.sourceAt} bare className="m f12 row-age" />
    </li>
  );
}
