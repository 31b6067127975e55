/**
 * The supervision tree as its actors describe themselves, in columns: state, sensors, restarts, queue, last activity. Trouble opens by itself;
 * equipment opens to its sensors, which are read when they are looked at.
 */
import { createContext, useCallback, useContext, useEffect, useState } from "react";
import { Link } from "react-router";
import { get } from "../api/client";
import type { Equipment, Point } from "../api/types";
import { useResource } from "../api/useResource";
import { tagOf } from "../alarms/alarm";
import { useDirectory } from "../enterprise/directory";
import { useReading, useSeed } from "../equipment/reading";
import { stateOf } from "../equipment/points";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { confirmedAt } from "../live/protocol";
import { zhCN } from "../i18n/zh-CN";
import { useSubscription } from "../live/hooks";
import { useNow } from "../ui/clock";
import { Empty, Faces } from "../ui/faces";
import { formatCount } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import { age } from "../ui/time";
import { Age, Value } from "../ui/Value";
import { countNodes, countTroubled, onlyTroubled, troubled } from "./tree";
import type { NodeState, TreeNode } from "./types";

const STATE: Record<NodeState, MessageKey> = {
  running: "tree.state.running", restarting: "tree.state.restarting", faulty: "tree.state.faulty", stopped: "tree.state.stopped",
};
const KINDS: ReadonlySet<string> = new Set(["center", "region", "enterprise", "host", "equipment", "gateway_session", "journal", "hub", "committer", "history", "ingest"]);

/** What is open in the tree is watched by one subscription: the stream takes few of them. */
const Watch = createContext<(equipment: string) => () => void>(() => () => undefined);
const WATCHED_MAX = 50;

export function TreeTab() {
  const { t } = useI18n();
  const [watched, setWatched] = useState<readonly string[]>([]);
  const watch = useCallback((equipment: string) => {
    setWatched((old) => [...old, equipment]);
    return () => setWatched((old) => old.filter((e) => e !== equipment));
  }, []);
  useSubscription("tree", watched.length > 0 ? { equipment: watched.slice(-WATCHED_MAX) } : null);
  const [only, setOnly] = useState(false);
  const read = useResource("tree", (signal) => get<TreeNode>("/tree", {}, signal), 5000);
  const hazards = useResource("tree-hazards", (signal) => get<{ items: { code: string; name: { zh: string; en: string } }[] }>("/hazard-sources", { limit: 1000 }, signal));
  const { language } = useI18n();
  const names = new Map((hazards.data?.items ?? []).map((h) => [h.code, localName(h.name, language)]));
  return (
    <section className="card" aria-label={t("system.tab.tree")}>
      <div className="toolbar">
        <label className="row g6"><input type="checkbox" checked={only} onChange={(e) => setOnly(e.target.checked)} />{t("tree.onlyTroubled")}</label>
        {read.data ? <span className="m">{t("tree.count", { bad: formatCount(countTroubled(read.data)), all: formatCount(countNodes(read.data)) })}</span> : null}
      </div>
      <Faces of={read} what={t("tree.what")}>
        {(tree) => {
          const shown = only ? onlyTroubled(tree) : tree;
          return shown ? (
            <>
              <div className="tree-head m f12" aria-hidden="true">
                <span>{t("tree.col.name")}</span><span>{t("tree.col.state")}</span>
                <span className="num">{t("tree.col.sensors")}</span><span className="num">{t("tree.col.restarts")}</span><span className="num">{t("tree.col.queue")}</span><span className="num">{t("tree.col.last")}</span>
              </div>
              <Watch value={watch}><ul className="tree-list"><Node node={shown} depth={0} unfold={only} hazards={names} /></ul></Watch>
            </>
          ) : <Empty>{t("tree.calm")}</Empty>;
        }}
      </Faces>
    </section>
  );
}

/** A node's own name may be an identity; people read what it stands for. */
function useNodeName(node: TreeNode, hazards: ReadonlyMap<string, string>): { name: string; code: string } {
  const { t, language } = useI18n();
  const { enterprises, regions } = useDirectory();
  const [prefix = "", code = ""] = node.id.split(":");
  const machine = `tree.name.${node.id}`;
  if (machine in zhCN) return { name: t(machine as MessageKey), code: "" };
  if (prefix === "general") return { name: t("tree.name.general"), code: "" };
  if (prefix === "hazard") return { name: hazards.get(code) ?? t("enterprise.hazardPlain"), code };
  const place = enterprises.get(code) ?? regions.get(code);
  return { name: place ? localName(place.name, language) : node.name, code: "" };
}

function Node({ node, depth, unfold, hazards }: { node: TreeNode; depth: number; unfold: boolean; hazards: ReadonlyMap<string, string> }) {
  const { t } = useI18n();
  const now = useNow();
  const [wish, setWish] = useState<boolean | null>(null);
  const equipment = node.kind === "equipment" && node.id.startsWith("equipment:") ? node.id.slice("equipment:".length) : null;
  const opens = node.children.length > 0 || (equipment !== null && node.sensors > 0);
  const open = wish ?? (node.children.length > 0 && (unfold || depth < 5 || onlyTroubled(node) !== null));
  const kind = t(node.id.startsWith("hazard:") ? "audit.kind.hazard_source" : ((KINDS.has(node.kind) ? `tree.kind.${node.kind}` : "tree.kind.other") as MessageKey));
  const { name, code } = useNodeName(node, hazards);
  const bad = troubled(node);
  const num = (n: number, key: MessageKey, first = false) => (
    <span className={`num ${n === 0 && key !== "tree.queue" ? "none" : ""} ${first ? "first" : ""}`}>
      <span className="long">{formatCount(n)}</span><span className="short">{t(key, { n: formatCount(n) })}</span>
    </span>
  );
  return (
    <li style={{ "--depth": depth } as React.CSSProperties}>
      <div className="tree-row">
        <span className="tree-name">
          {opens ? (
            <button type="button" className={`twist ${open ? "open" : ""}`} aria-expanded={open} aria-label={t(open ? "tree.close" : "tree.open", { name })} onClick={() => setWish(!open)}>
              <Symbol name="ui-right" size={14} />
            </button>
          ) : <span className="twist" aria-hidden="true" style={{ visibility: "hidden" }} />}
          {equipment ? <Link to={`/equipment/${encodeURIComponent(equipment)}`} className="b ell">{name}</Link> : <b className="ell" title={node.id}>{name}</b>}
          {kind === name ? null : <span className="chip">{kind}</span>}
          {code ? <span className="m f12 ell wide-only">{code}</span> : null}
        </span>
        <span className={`state ${bad ? "bad" : "m"}`}>
          {bad ? <Symbol name="q-bad" size={14} /> : null}{node.faults > 0 && node.state === "running" ? t("tree.faults", { n: node.faults }) : t(STATE[node.state])}
        </span>
        {num(node.sensors, "tree.sensors", true)}
        {num(node.restarts, "tree.restarts")}
        {num(node.queue, "tree.queue")}
        <span className="num">{node.last_activity === null ? "—" : age(now - node.last_activity)}</span>
      </div>
      {open && node.children.length > 0 ? <ul>{node.children.map((child) => <Node key={child.id} node={child} depth={depth + 1} unfold={unfold} hazards={hazards} />)}</ul> : null}
      {open && equipment !== null && node.children.length === 0 ? <Sensors equipment={equipment} depth={depth + 1} /> : null}
    </li>
  );
}

/** The sensors of one piece of equipment, with what they say now. */
function Sensors({ equipment, depth }: { equipment: string; depth: number }) {
  const { t } = useI18n();
  const read = useResource(`tree-sensors/${equipment}`, (signal) => get<Equipment>(`/equipment/${encodeURIComponent(equipment)}`, undefined, signal));
  const watch = useContext(Watch);
  useEffect(() => watch(equipment), [watch, equipment]);
  useSeed(read.data?.points ?? null);
  return (
    <Faces of={read} what={t("tree.sensorsFailed")} rows={2}>
      {(data) => <ul style={{ "--depth": depth } as React.CSSProperties}>{(data.points ?? []).map((p) => <Sensor key={p.id} point={p} />)}</ul>}
    </Faces>
  );
}

function Sensor({ point }: { point: Point }) {
  const { t, language } = useI18n();
  const { live, face } = useReading(point);
  const state = stateOf(point, live?.value ?? null);
  return (
    <li>
      <div className="tree-row sensor">
        <span className="tree-name"><span className="twist" aria-hidden="true" style={{ visibility: "hidden" }} /><span className="ell">{tagOf(point.id)} <span className="m f12">{localName(point.name, language)}</span></span></span>
        <span className={`state ${face === "bad" ? "bad" : "m"}`}>{t(`quality.${face}`)}</span>
        <span className="num value-cell first"><Value value={live?.value ?? null} unit={point.unit} decimals={point.decimals} face={face} late={live?.late ?? false} word={state ? localName(state.name, language) : null} /></span>
        <span className="num"><Age at={live ? confirmedAt(live) : null} source={live?.sourceAt} bare /></span>
      </div>
    </li>
  );
}
