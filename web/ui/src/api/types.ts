/**
 * The shapes of the center's interface, after docs/protocols/http.md, with the words of every state spelled out. contract.ts holds them to the
 * description that the center gives of itself. Times are milliseconds since 1970 UTC.
 */
import type { Feature, Geometry } from "geojson";
import type { Level } from "../sound/decide";

export type { Level } from "../sound/decide";
export type Name = { zh: string; en: string };
export type Role = "officer" | "enterprise_manager" | "enterprise_responder" | "administrator" | "tester";
/** Neither: everything. */
export type Scope = { region?: string; enterprise?: string };
export type User = { username: string; name: string; role: Role; scope: Scope };
export type Session = { token: string; expires_at: number; user: User };
export type Status = { version: string; ready: boolean; gateways: { connected: number; total: number }; simulator: boolean };

export type Counts = [number, number, number, number];
export type Rollup = { n: string; worst: Level | null; open: Counts; unacked: Counts; returned: number; points: number; bad: number; uncertain: number; lost: boolean; faulty: boolean };

export type RegionLevel = "province" | "city" | "county" | "park";
export type Region = { code: string; level: RegionLevel; name: Name; parent: string | null; rollup: Rollup | null; longitude: number | null; latitude: number | null };

export type Enterprise = {
  code: string; credit_code: string; name: Name; region: string; industry_code: string; address: string; principal: string; phone: string;
  longitude: number | null; latitude: number | null; hazard_level: number | null; hazards: number; equipment: number; points: number; cameras: number;
  counts_by_kind: Record<string, number>; rollup: Rollup | null; gateway: string | null; version: number;
};

export type HazardSource = { code: string; enterprise: string; name: Name; level: number | null; kind: string; rollup: Rollup | null; version: number };

export type OperationState = "running" | "stopped" | "maintenance" | "starting";
/** Whether equipment runs, as people declared it. */
export type Operation = { state: OperationState; by: string | null; by_name: string | null; reason: string; since: number | null; until: number | null };

export type Equipment = {
  id: string; tag: string; enterprise: string; hazard: string | null; kind: string; name: Name; medium: string | null; cas: string | null; volume_m3: number | null;
  longitude: number | null; latitude: number | null; rollup: Rollup | null; operation: Operation; points?: Point[]; version: number;
};

export type Limit = { value: number; deadband: number; on_delay_ms: number; off_delay_ms: number; level: number | null; realarm_ms: number; latching: boolean };
export type LimitKey = "hh" | "h" | "l" | "ll";
export type Limits = { version: number; by?: string | null; at?: number | null; reason?: string | null; rate_per_min: Limit | null; exclusive_high: boolean; exclusive_low: boolean } & Record<LimitKey, Limit | null>;
export type PointState = { value: number; name: Name; alarm: boolean };

/** A value on the wire, with the short names of docs/protocols/live.md. */
export type WireValue = { v: number | null; q: number; s: number; r: number; l?: boolean; x?: "gateway" | "device" | "center" };

export type Point = {
  id: string; tag: string; equipment: string; gateway: string; device: string; name: Name; kind: "analog" | "discrete"; signal: string; role: string | null;
  unit: string; range: [number, number]; decimals: number; scan_ms: number; states?: PointState[]; limits: Limits | null;
  longitude: number | null; latitude: number | null; value: WireValue | null; version: number;
};

export type Condition = "HH" | "H" | "L" | "LL" | "ROC" | "STATE" | "RANGE" | "BAD" | "FROZEN" | "MISSING" | "DEVICE" | "GATEWAY" | "CENTER" | "FAULT" | "DEVIATION" | "SPIKE" | "DRIFT" | "COUNTS" | "DISCREPANCY" | "EXPRESSION";
export type AlarmState = "unacknowledged" | "acknowledged" | "returned_unacknowledged" | "latched_unacknowledged" | "latched_acknowledged" | "shelved" | "suppressed" | "out_of_service" | "closed";
/** What keeps an alarm from being annunciated. */
export type Quiet = "shelved" | "suppressed" | "out_of_service";
export type ClearReason = "returned" | "limits_changed" | "point_removed" | "parent_lost";
export type Acknowledgement = { by: string; name: string; at: number; comment: string };
export type Owner = { by: string; name: string; at: number };
export type Disposition = { cause: string; measure: string; comment: string; by: string; name: string; at: number };
/** What an alarm can be disposed of as. */
export type Choice = { code: string; name: Name };
export type Dispositions = { causes: Choice[]; measures: Choice[] };
/** An alarm as such that something keeps quiet, whether it stands or not. */
export type QuietAlarm = {
  alarm: string; subject: string; condition: Condition; quiet: Quiet; enterprise: string | null; enterprise_name: Name | null; tag: string; name: Name;
  equipment: string | null; by: string | null; by_name: string | null; reason: string; since: number; until: number | null; one_shot: boolean;
};
/** What the signed-in person may do to keep an alarm quiet; `shelve_minutes` 0: may not shelve it. */
export type QuietRights = { level: Level; gas_detector: boolean; shelve_minutes: number; out_of_service: boolean };

export type Alarm = {
  id: string; subject: string; condition: Condition; occurrence: number; level: Level; state: AlarmState; late: boolean; durable?: boolean;
  enterprise: string | null; enterprise_name: Name | null; hazard: string | null; equipment: string | null; point: string | null;
  tag: string | null; name: Name | null; signal: string | null; unit: string | null; decimals: number | null;
  value: number | null; limit: number | null; limits_version: number | null;
  raised_at: number; received_at: number; decided_at: number; cleared_at: number | null; clear_reason: ClearReason | null;
  acknowledged: Acknowledgement | null; owner: Owner | null; disposition: Disposition | null; crossings: number | null; chattering: boolean; longitude: number | null; latitude: number | null; cursor: string; log?: AlarmLogEntry[];
};
export type AlarmLogEntry = {
  kind: "raised" | "cleared" | "acknowledged" | "repeated" | "reset" | "chattering" | "calm" | "amended" | "quieted" | "resumed" | "commented" | "taken" | "disposed"; at: number;
  by?: string | null; by_name?: string | null; quiet?: Quiet | null; until?: number | null; cause?: string | null; measure?: string | null; comment?: string | null; reason?: ClearReason | null; value?: number | null; crossings?: number | null;
  source_at?: number | null; received_at?: number | null; decided_at?: number | null;
};
export type AlarmMoment = { id: string; at: number; level: Level };

export type TrendBucket = { t: number; min: number | null; max: number | null; first: number | null; last: number | null; count: number; bad: number; late: number };
export type Trend = { from: number; to: number; buckets: TrendBucket[]; alarms: Alarm[] };

export type GatewayState = {
  id: string; connected: boolean; since: number; last_reading: number | null; backlog_frames: number; skew_ms: number | null;
  devices: { device: string; connected: boolean; since: number; error: string }[];
};

export type SearchHit = { kind: "enterprise" | "hazard" | "equipment" | "point" | "alarm"; id: string; name: Name | string; where: Name | string | null; longitude: number | null; latitude: number | null };

export type QualityRow = { online: number; completeness: number; bad_share: number; expected: number; received: number; bad: number };

export type MapProperties = { kind: string; ref?: string | null; name?: Name | string | null } & Record<string, unknown>;
export type MapFeature = Feature<Geometry, MapProperties>;
/** `total` is how many there are; where `truncated`, not all of them are among `features`. */
export type MapData = { type: "FeatureCollection"; features: MapFeature[]; total: number; truncated: boolean };
