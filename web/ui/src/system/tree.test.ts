/** Only what is in trouble, with its way from the root, is left. */
import { describe, expect, it } from "vitest";
import { countNodes, countTroubled, onlyTroubled } from "./tree";
import type { TreeNode } from "./types";

const node = (id: string, more: Partial<TreeNode> = {}): TreeNode => ({
  id, kind: "host", name: id, state: "running", restarts: 0, queue: 0, last_activity: null, sensors: 0, faults: 0, children: [], ...more,
});

describe("the actor tree", () => {
  const tree = node("center", { children: [node("a", { children: [node("a1"), node("a2", { state: "faulty" })] }), node("b"), node("c", { faults: 1 })] });
  it("counts every node", () => expect(countNodes(tree)).toBe(6));
  it("counts the troubled", () => expect(countTroubled(tree)).toBe(2));
  it("keeps the troubled and the way to them", () => {
    const left = onlyTroubled(tree);
    expect(left?.children.map((c) => c.id)).toEqual(["a", "c"]);
    expect(left?.children[0]?.children.map((c) => c.id)).toEqual(["a2"]);
  });
  it("is empty when all is calm", () => expect(onlyTroubled(node("center", { children: [node("a")] }))).toBeNull());
});
