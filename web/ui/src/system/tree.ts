/** What the tree page decides: which nodes are in trouble, and what is left when only those are shown. */
import type { TreeNode } from "./types";

/** A queue longer than this is trouble. */
const QUEUE_MAX = 1000;

export function troubled(node: TreeNode): boolean {
  return node.state !== "running" || node.faults > 0 || node.queue > QUEUE_MAX;
}

/** The tree reduced to troubled nodes and what leads to them; null when there is none. */
export function onlyTroubled(node: TreeNode): TreeNode | null {
  const children = node.children.flatMap((child) => onlyTroubled(child) ?? []);
  return children.length > 0 || troubled(node) ? { ...node, children } : null;
}

export function countNodes(node: TreeNode): number {
  return 1 + node.children.reduce((sum, child) => sum + countNodes(child), 0);
}

/** Nodes in trouble of their own: a fault below also marks every node above it, but is one fault. */
export function countTroubled(node: TreeNode): number {
  const own = node.state !== "running" || node.queue > QUEUE_MAX || (node.faults > 0 && !node.children.some((c) => c.faults > 0));
  return Number(own) + node.children.reduce((sum, child) => sum + countTroubled(child), 0);
}
