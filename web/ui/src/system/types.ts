/** Shapes that only the system pages use, after docs/protocols/http.md. */
import type { GatewayState, Name, QualityRow, Role, Scope } from "../api/types";

export type Gateway = GatewayState & {
  enterprise: string; name: string | Name | null; software: string | null; address: string | null; points: number;
  frames: number; readings: number; duplicates: number; refused: number; clock_epoch: number; clock_steps: number;
};

export type NodeState = "running" | "restarting" | "faulty" | "stopped";
export type TreeNode = {
  id: string; kind: string; name: string; state: NodeState; restarts: number; queue: number; last_activity: number | null;
  sensors: number; faults: number; children: TreeNode[];
};

export type EnterpriseQuality = QualityRow & { enterprise: string; name: Name; points: PointQuality[] };
export type PointQuality = QualityRow & { id: string; name: Name };

export type Account = { username: string; name: string; role: Role; scope: Scope | null; locked_until: number | null; version: number };
export type AuditRow = { at: number; who: string | null; action: string; object: string | null; detail: string | null; address: string | null };
