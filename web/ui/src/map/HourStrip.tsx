/** One hour of alarm moments under the map; a moment opens its alarm. When the stream is lost, the strip stands still and says so. */
import { useMemo, useRef, useState, useEffect } from "react";
import { get } from "../api/client";
import type { AlarmMoment } from "../api/types";
import { useResource } from "../api/useResource";
import { useI18n } from "../i18n";
import { useConnection, useOpenAlarms } from "../live/hooks";
import { useNow } from "../ui/clock";
import { LevelSymbol } from "../ui/LevelSymbol";
import { Symbol } from "../ui/Symbol";
import { clockTime, hourMinute } from "../ui/time";

const HOUR = 3_600_000;
const TICK = 600_000;

export function HourStrip({ region, onChoose }: { region: string | null; onChoose: (id: string) => void }) {
  const { t } = useI18n();
  const connection = useConnection();
  const clock = useNow(10_000);
  const end = connection.phase === "lost" && connection.lastAt !== null ? connection.lastAt : clock;
  const open = useOpenAlarms();
  const fetched = useResource(
    `moments:${region ?? ""}`,
    (signal) => get<AlarmMoment[] | { items: AlarmMoment[] }>("/alarm-moments", { region, from: Date.now() - HOUR, to: Date.now() }, signal).then((m) => (Array.isArray(m) ? m : m.items)),
    60_000,
  );
  const moments = useMemo(() => {
    const all = new Map((fetched.data ?? []).map((m) => [m.id, m]));
    for (const a of open.values()) all.set(a.id, { id: a.id, at: a.raised_at, level: a.level });
    return [...all.values()].filter((m) => m.at >= end - HOUR && m.at <= end + 15_000);
  }, [fetched.data, open, end]);

  const holder = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(700);
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const x = (at: number): number => Math.min(width, ((at - (end - HOUR)) / HOUR) * width);
  // In a flood a pixel has many alarms: the gravest of every few pixels is shown, and how many there are is said.
  const spots = useMemo(() => {
    const bySpot = new Map<number, { worst: AlarmMoment; n: number }>();
    for (const m of moments) {
      const spot = Math.round(Math.min(width, ((m.at - (end - HOUR)) / HOUR) * width) / 5);
      const there = bySpot.get(spot);
      bySpot.set(spot, { worst: there && there.worst.level <= m.level ? there.worst : m, n: (there?.n ?? 0) + 1 });
    }
    // The graver is drawn last and lies on top.
    return [...bySpot.values()].sort((a, b) => b.worst.level - a.worst.level);
  }, [moments, width, end]);
  const ticks = Array.from({ length: 7 }, (_, i) => end - HOUR + i * TICK);

  return (
    <section className="strip" aria-label={t("map.strip")}>
      <div className="strip-state">
        <div className="row g6 b"><i className={connection.phase === "live" ? "dot" : "dot hollow"} aria-hidden="true" />{t(connection.phase === "live" ? "map.stripLive" : "map.stripStopped")}</div>
        <div className="m f12">{connection.phase === "lost" && connection.lastAt !== null ? t("map.stripAt", { time: clockTime(connection.lastAt) }) : t("map.stripHint")}</div>
      </div>
      <div className="strip-line" ref={holder}>
        <svg width={width} height={52} aria-hidden="true" style={{ overflow: "visible" }}>
          <path d={`M0 30H${width}`} stroke="var(--line2)" />
          {ticks.map((at, i) => (
            <g key={i}>
              <path d={`M${x(at)} 30V36`} stroke="var(--line2)" />
              {width > 400 || i % 3 === 0 ? <text x={x(at)} y={48} fontSize={11} textAnchor={i === 0 ? "start" : i === 6 ? "end" : "middle"} fill="var(--ink3)">{hourMinute(at)}</text> : null}
            </g>
          ))}
          <path d={`M${width - 0.75} 4V36`} stroke="var(--accent)" strokeWidth={1.5} />
        </svg>
        {spots.map(({ worst: m, n }) => {
          const size = m.level <= 2 ? 14 : 11;
          return (
            <button key={m.id} type="button" className="moment" style={{ left: x(m.at) - 8, width: 16 }} onClick={() => onChoose(m.id)} title={n > 1 ? t("map.moments", { time: clockTime(m.at), n }) : clockTime(m.at)} aria-label={`${t(`level.alarm.${m.level}`)} ${n > 1 ? t("map.moments", { time: clockTime(m.at), n }) : clockTime(m.at)}`}>
              <LevelSymbol level={m.level} size={size} quiet />
            </button>
          );
        })}
      </div>
      <span className="m f12 nw strip-span"><Symbol name="q-stale" size={12} />{t("map.hour")}</span>
    </section>
  );
}
