/**
 * The live map (mock-up a): the park in its true outline, colour only where something is abnormal, and beside it what stands. Where one is
 * (`region`), what is looked at (`focus`, `alarm`) and what is shown (`kind`) are in the address, so that a place can be passed on.
 */
import "./map.css";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { get, getAll } from "../api/client";
import type { Alarm, Equipment, MapData, Point } from "../api/types";
import { useResource } from "../api/useResource";
import { SideList } from "../alarms/SideList";
import { quietHint, useQuiet } from "../alarms/quiet";
import { useAlarmsOf, useAlarmValues } from "../alarms/useAlarms";
import { useTheme } from "../app/theme";
import { dataLost, useDirectory, useRegionSubscription, within } from "../enterprise/directory";
import { useI18n } from "../i18n";
import { useGatewaysVersion, useLive, useRollupsVersion, useStreamLost } from "../live/hooks";
import { Failed, Loading } from "../ui/faces";
import { now } from "../ui/clock";
import { Filters, Legend, ZoomButtons } from "./Furniture";
import { HourStrip } from "./HourStrip";
import { alarmFeatures, alarmGroups, calloutGroups, labelled, markerFeatures, nameSpots, notDrawn, placeFeatures, quietFeatures, regionBounds, ringGroups, rungBelow, type KindFilter, type Place } from "./markers";
import type { Hit, MapHandle, View } from "./MapView";
import { Overlay, type LostPlot, type NameSpot } from "./Overlay";
import { sectors } from "./wind";
import { useStation, WindCard } from "./Wind";

const MapView = lazy(() => import("./MapView").then((m) => ({ default: m.MapView })));
const NOTHING: MapData = { type: "FeatureCollection", features: [], total: 0, truncated: false };
/** Detectors are many and small: they are read for the enterprises in view, from this zoom on. */
const DETECTOR_ZOOM = 15;

export function MapPage() {
  const { t, language } = useI18n();
  const { theme } = useTheme();
  const { store } = useLive();
  const { regions, enterprises, home } = useDirectory();
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const lost = useStreamLost();
  const region = params.get("region") ?? home;
  const kind = (params.get("kind") ?? "all") as KindFilter;
  const selected = params.get("alarm");

  useRegionSubscription("map", region);
  const alarms = useAlarmsOf(region);
  useAlarmValues("map-alarms", alarms);
  const rollups = useRollupsVersion();
  const gateways = useGatewaysVersion();

  const map = useResource(region ? `map:${region}` : null, (signal) => get<MapData>("/map", { region }, signal));
  const equipmentList = useResource("map-equipment", (signal) => getAll<Equipment>("/equipment", {}, 20_000, signal));
  const equipment = useMemo(() => new Map((equipmentList.data ?? []).map((e) => [e.id, e])), [equipmentList.data]);

  const handle = useRef<MapHandle | null>(null);
  const [view, setView] = useState<Pick<View, "band" | "metresPerPixel"> & { near: boolean; close: boolean } | null>(null);
  const [webgl, setWebgl] = useState(true);
  const onView = useCallback((v: View) => {
    const next = { band: v.band, metresPerPixel: v.metresPerPixel, near: v.zoom >= DETECTOR_ZOOM, close: v.zoom >= 16 };
    setView((old) => (old && old.band === next.band && old.near === next.near && old.close === next.close && Math.abs(old.metresPerPixel / next.metresPerPixel - 1) < 0.01 ? old : next));
  }, []);

  const here = useMemo(() => [...enterprises.values()].filter((e) => region === null || within(regions, e.region, region)), [enterprises, regions, region]);
  const wantsDetectors = (view?.near ?? false) || kind === "detector";
  const detectors = useDetectors(wantsDetectors ? here.map((e) => e.code) : null);

  const base = useMemo(() => labelled(map.data ?? NOTHING, language), [map.data, language]);
  const lostNow = [...enterprises.values()].flatMap((e) => (dataLost(store, e) ? [e.code] : [])).join();
  const lostCodes = useMemo<ReadonlySet<string>>(() => new Set(lostNow.split(",").filter(Boolean)), [lostNow]);
  const plots = useMemo<MapData>(
    () => ({ ...base, features: base.features.filter((f) => f.properties.kind === "plot").map((f) => ({ ...f, properties: { ...f.properties, lost: lostCodes.has(f.properties.ref ?? "") } })) }),
    [base, lostCodes],
  );
  const spots = useMemo(() => nameSpots(base), [base]);
  const places = useMemo(
    () => placeFeatures({ spots, regions: rungBelow(regions, region), enterprises: here, rollup: (n) => store.rollup(n), lost: lostCodes, language }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- as above
    [spots, regions, region, here, store, language, rollups, lostCodes],
  );
  const names = useMemo<NameSpot[]>(
    () => places.features.flatMap((f) => (f.properties?.["kind"] === "enterprise" ? [{ at: f.geometry.coordinates as Place, ems: Math.max(9, [...String(f.properties["name"])].length) }] : [])),
    [places],
  );
  const missing = notDrawn(map.data ?? undefined);
  const band = view?.band ?? "equipment";
  const groups = useMemo(() => alarmGroups({ alarms, equipment, enterprises, band, filter: kind, near: view?.close ?? false }), [alarms, equipment, enterprises, band, kind, view?.close]);
  const abnormal = useMemo(() => new Set(alarms.flatMap((a) => (a.equipment ? [a.equipment] : []))), [alarms]);
  const markers = useMemo(() => markerFeatures({ equipment: equipment.values(), detectors, filter: kind, abnormal }), [equipment, detectors, kind, abnormal]);
  const alarmPoints = useMemo(() => alarmFeatures(groups, selected), [groups, selected]);
  const { book } = useQuiet();
  const quietMarks = useMemo(() => quietFeatures({ quiet: book.all, equipment, detectors, words: (of) => quietHint(of, t) }), [book.all, equipment, detectors, t]);
  const station = useStation();
  const [windFrom, setWindFrom] = useState<number | null>(null);
  const windSectors = useMemo(() => sectors(groups, windFrom, t("map.downwind")), [groups, windFrom, t]);
  const bounds = useMemo(() => (map.data ? regionBounds(map.data, region) : null), [map.data, region]);
  const lostPlots = useMemo<LostPlot[]>(
    () => here.flatMap((e) => {
      if (e.longitude === null || e.latitude === null || !lostCodes.has(e.code)) return [];
      return [{ code: e.code, at: spots.get(e.code) ?? ([e.longitude, e.latitude] as Place), since: (e.gateway ? store.gateway(e.gateway)?.since : undefined) ?? now() }];
    }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- as above
    [here, spots, store, lostCodes, gateways],
  );

  const change = useCallback((set: Record<string, string | null>) => {
    setParams((old) => {
      const next = new URLSearchParams(old);
      for (const [k, v] of Object.entries(set)) if (v === null) next.delete(k); else next.set(k, v);
      return next;
    }, { replace: true });
  }, [setParams]);

  const placeOf = useCallback((alarm: Alarm): Place | null => {
    const owner = alarm.equipment ? equipment.get(alarm.equipment) : undefined;
    const site = alarm.enterprise ? enterprises.get(alarm.enterprise) : undefined;
    for (const at of [alarm, owner, site]) if (at && at.longitude !== null && at.latitude !== null) return [at.longitude, at.latitude];
    return null;
  }, [equipment, enterprises]);

  const select = useCallback((alarm: Alarm) => change({ alarm: alarm.id }), [change]);
  const goTo = useCallback((alarm: Alarm) => {
    const at = placeOf(alarm);
    if (at) handle.current?.flyTo(at);
    change({ alarm: alarm.id });
  }, [placeOf, change]);

  const onHit = useCallback((hit: Hit) => {
    switch (hit.kind) {
      case "alarm":
        return change({ alarm: hit.id });
      case "enterprise":
        return void navigate(`/enterprises/${encodeURIComponent(hit.id)}`);
      case "equipment":
        return void navigate(`/equipment/${encodeURIComponent(hit.id)}`);
      case "region":
        return change({ region: hit.id, alarm: null });
    }
  }, [change, navigate]);

  const focus = params.get("focus");
  const [ready, setReady] = useState(false);
  useFocus(ready ? handle.current : null, focus, params.get("show") === "1" ? selected : null, alarms, placeOf);

  const openAlarm = useCallback((id: string) => {
    if (store.openAlarms().has(id)) change({ alarm: id });
    else void navigate(`/alarms?alarm=${encodeURIComponent(id)}`);
  }, [store, change, navigate]);

  return (
    <div className="map-page">
      <div className="map-area">
        {!webgl ? <p className="face m">{t("map.noWebgl")}</p> : map.error ? <Failed what={t("map.notLoaded")} error={map.error} retry={map.reload} /> : map.data && map.data.features.length === 0 ? <p className="face m">{t("map.noMap")}</p> : map.data ? (
          <Suspense fallback={<Loading />}>
            <MapView
              theme={theme} base={base} plots={plots} places={places} markers={markers} alarms={alarmPoints} quiet={quietMarks} wind={windSectors} bounds={bounds} drained={lost} label={t("map.label")}
              summary={t("map.summary", { enterprises: here.length, markers: markers.features.length, alarms: groups.length })}
              onHit={onHit} onView={onView} onFailed={() => setWebgl(false)}
              onReady={(h) => {
                handle.current = h;
                setReady(true);
              }}
              overlay={(project, v) => v.band === "region" ? null : (
                <Overlay project={project} view={v} groups={calloutGroups(groups)} all={groups} names={names} rings={ringGroups(groups)} lost={lostPlots} drained={lost} onChoose={select} />
              )}
            />
          </Suspense>
        ) : <Loading />}
        <Filters kind={kind} abnormal={alarms.length} onChange={(k) => change({ kind: k === "all" ? null : k })} />
        {missing > 0 ? <p className="float map-cut f12" role="status">{t("map.cut", { n: missing })}</p> : null}
        {station ? <WindCard station={station} onDirection={setWindFrom} /> : null}
        <Legend metresPerPixel={view?.metresPerPixel ?? null} />
        <ZoomButtons onWhole={() => bounds && handle.current?.fit(bounds)} onStep={(s) => handle.current?.zoomBy(s)} />
        <EnterpriseIndex codes={here.map((e) => e.code)} />
      </div>
      <HourStrip region={region} onChoose={openAlarm} />
      <SideList alarms={alarms} region={region} selected={selected} onSelect={select} onPlace={goTo} />
    </div>
  );
}

/** The same enterprises as on the map, for those who read the page instead of seeing it. */
function EnterpriseIndex({ codes }: { codes: readonly string[] }) {
  const { t, language } = useI18n();
  const { enterprises } = useDirectory();
  const { store } = useLive();
  const { book } = useQuiet();
  useRollupsVersion();
  useGatewaysVersion();
  return (
    <ul className="visually-hidden" aria-label={t("map.kind.enterprise")}>
      {codes.map((code) => {
        const e = enterprises.get(code);
        const state = store.rollup(`enterprise:${code}`) ?? e?.rollup;
        const quiet = book.byEnterprise.get(code)?.length ?? 0;
        const open = state?.open.reduce((a, b) => a + b, 0) ?? 0;
        const words = [language === "zh-CN" ? e?.name.zh : e?.name.en, state?.worst ? `${t(`level.alarm.${state.worst}`)} ${open}` : t("enterprise.allGood"), e && dataLost(store, e) ? t("map.lostShort") : "", quiet > 0 ? t("quiet.of", { n: quiet }) : ""].filter(Boolean).join(", ");
        return <li key={code} data-enterprise={code}>{words}</li>;
      })}
    </ul>
  );
}

/** Reads detectors of the given enterprises, a few at a time, and keeps them. */
function useDetectors(codes: readonly string[] | null): readonly Point[] {
  const key = codes === null ? null : `detectors:${codes.join()}`;
  const found = useResource(key, async (signal) => {
    const all: Point[] = [];
    const rest = [...(codes ?? [])].slice(0, 60);
    const worker = async (): Promise<void> => {
      for (let code = rest.shift(); code !== undefined; code = rest.shift()) {
        const points = await getAll<Point>("/points", { enterprise: code }, 5000, signal);
        all.push(...points.filter((p) => p.signal.startsWith("gas_") || p.signal === "oxygen"));
      }
    };
    await Promise.all([worker(), worker(), worker()]);
    return all;
  });
  const kept = useRef<readonly Point[]>([]);
  if (found.data) kept.current = found.data;
  return kept.current;
}

/** Goes where the address asks to: a place (`focus=lon,lat`), or the selected alarm when `show=1`. */
function useFocus(map: MapHandle | null, focus: string | null, alarmId: string | null, alarms: readonly Alarm[], placeOf: (a: Alarm) => Place | null): void {
  const done = useRef<string | null>(null);
  useEffect(() => {
    if (!map) return;
    const [lon, lat] = (focus ?? "").split(",").map(Number);
    if (focus && lon !== undefined && lat !== undefined && Number.isFinite(lon) && Number.isFinite(lat)) {
      if (done.current !== focus) map.flyTo([lon, lat]);
      done.current = focus;
      return;
    }
    const alarm = alarmId === null ? undefined : alarms.find((a) => a.id === alarmId);
    const at = alarm ? placeOf(alarm) : null;
    if (at && done.current !== alarmId) {
      map.flyTo(at);
      done.current = alarmId;
    }
  }, [map, focus, alarmId, alarms, placeOf]);
}
