/** The value behind an alarm as it is now, in its true look; before the stream brings one, the value that raised it, marked stale. */
import type { Alarm } from "../api/types";
import { useLiveValue, useStreamLost } from "../live/hooks";
import { confirmedAt } from "../live/protocol";
import { useNow } from "../ui/clock";
import { faceOf } from "../ui/quality";
import { Age, Value } from "../ui/Value";

export function AlarmValueNow({ alarm, withAge = false, className = "" }: { alarm: Alarm; withAge?: boolean; className?: string }) {
  const live = useLiveValue(alarm.point ?? "");
  const streamLost = useStreamLost();
  const now = useNow(1000);
  if (!alarm.point) return null;
  const face = live ? (live.lost ? "stale" : faceOf({ quality: live.quality, ageMs: now - confirmedAt(live), streamLost })) : "stale";
  return (
    <>
      <Value value={live ? live.value : alarm.value} unit={alarm.unit ?? ""} decimals={alarm.decimals ?? 1} face={face} late={live?.late ?? false} className={className} />
      {withAge ? <Age at={live ? confirmedAt(live) : alarm.raised_at} source={live?.sourceAt} /> : null}
    </>
  );
}
