/** The supervision tree as its actors describe themselves: state, restarts, queue, last activity. Trouble opens by itself. */
import { useState } from "react";
import { get } from "../api/client";
import { useResource } from "../api/useResource";
import { useI18n, type MessageKey } from "../i18n";
import { useNow } from "../ui/clock";
import { Empty, Faces } from "../ui/faces";
import { formatCount } from "../ui/number";
import { Symbol } from "../ui/Symbol";
import { age } from "../ui/time";
import { countNodes, onlyTroubled, troubled } from "./tree";
import type { NodeState, TreeNode } from "./types";

const STATE: Record<NodeState, MessageKey> = {
  running: "tree.state.running", restarting: "tree.state.restarting", faulty: "tree.state.faulty", stopped: "tree.state.stopped",
};
const KINDS: ReadonlySet<string> = new Set(["center", "region", "enterprise", "host", "equipment", "gateway_session", "journal", "hub", "committer", "history", "ingest"]);

export function TreeTab() {
  const { t } = useI18n();
  const [only, setOnly] = useState(false);
  const read = useResource("tree", (signal) => get<TreeNode>("/tree", {}, signal), 5000);
  return (
    <section className="card" aria-label={t("system.tab.tree")}>
      <div className="toolbar">
        <label className="row g6"><input type="checkbox" checked={only} onChange={(e) => setOnly(e.target.checked)} />{t("tree.onlyTroubled")}</label>
        {read.data ? <span className="m">{formatCount(countNodes(read.data))}</span> : null}
      </div>
      <Faces of={read} what={t("tree.what")}>
        {(tree) => {
          const shown = only ? onlyTroubled(tree) : tree;
          return shown ? <ul className="tree-list"><Node node={shown} depth={0} unfold={only} /></ul> : <Empty>{t("tree.calm")}</Empty>;
        }}
      </Faces>
    </section>
  );
}

function Node({ node, depth, unfold }: { node: TreeNode; depth: number; unfold: boolean }) {
  const { t } = useI18n();
  const now = useNow();
  const [wish, setWish] = useState<boolean | null>(null);
  const open = wish ?? (unfold || depth < 5 || onlyTroubled(node) !== null);
  const kind = t((KINDS.has(node.kind) ? `tree.kind.${node.kind}` : "tree.kind.other") as MessageKey);
  const facts = [
    node.sensors > 0 ? t("tree.sensors", { n: formatCount(node.sensors) }) : null,
    node.restarts > 0 ? t("tree.restarts", { n: node.restarts }) : null,
    node.queue > 0 ? t("tree.queue", { n: formatCount(node.queue) }) : null,
  ].filter((x) => x !== null);
  return (
    <li>
      <div className="tree-row">
        {node.children.length > 0 ? (
          <button type="button" className={`twist ${open ? "open" : ""}`} aria-expanded={open} aria-label={node.name} onClick={() => setWish(!open)}>
            <Symbol name="ui-right" size={14} />
          </button>
        ) : <span style={{ width: 20 }} />}
        <span className="chip">{kind}</span>
        <b className="ell">{node.name}</b>
        <span className={`state ${troubled(node) ? "bad" : "m"}`}>
          {troubled(node) ? <Symbol name="q-bad" size={14} /> : null}{t(STATE[node.state])}
          {node.faults > 0 ? ` · ${t("tree.faults", { n: node.faults })}` : ""}
        </span>
        <span className="s f12">{facts.join(" · ")}</span>
        <span className="m f12">{node.last_activity === null ? t("tree.idle") : age(now - node.last_activity)}</span>
      </div>
      {open && node.children.length > 0 ? <ul>{node.children.map((child) => <Node key={child.id} node={child} depth={depth + 1} unfold={unfold} />)}</ul> : null}
    </li>
  );
}
