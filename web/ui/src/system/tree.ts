/** What the tree page decides: which nodes are in trouble, and what is left when only those are shown. */
import type { TreeNode } from "./types";

export function troubled(node: TreeNode): boolean {
  return node.state !== "running" || node.faults > 0 || node.queue > 1000;
}

/** The tree reduced to troubled nodes and what leads to them; null when there is none. */
export function onlyTroubled(node: TreeNode): TreeNode | null {
  const children = node.children.flatMap((child) => onlyTroubled(child) ?? []);
  return children.length > 0 || troubled(node) ? { ...node, children } : null;
}

export function countNodes(node: TreeNode): number {
  return 1 + node.children.reduce((sum, child) => sum + countNodes(child), 0);
}
