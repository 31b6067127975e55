/** What the form does not show survives a change, and what is sent is what the center takes and nothing else. */
import { describe, expect, it } from "vitest";
import { fromDraft, RECORDS, toDraft } from "./records";

const NO_TEXT = { medium: "", cas: "" };

describe("a record through the form", () => {
  it("keeps what the form does not show and sends nothing that the center does not take", () => {
    const point = {
      id: "410205001.LT-1", tag: "LT-1", name: { zh: "液位", en: "Level" }, equipment: "410205001.V-1", gateway: "41020500101", device: "plc", kind: "analog", signal: "level", role: null,
      unit: "%", range: [0, 100], decimals: 1, scan_ms: 1000, missing_scans: 5, frozen_ms: 0, states: [], on_delay_ms: 0, off_delay_ms: 0, realarm_ms: 0, latching: false, chatter_transitions: 3, chatter_window_ms: 60_000, longitude: 114.3, latitude: 34.7, version: 4, limits: { version: 0 }, value: null,
    };
    const draft = toDraft(point, RECORDS.point.fields);
    expect(draft).toMatchObject({ name_zh: "液位", range_lo: 0, range_hi: 100, place: { lon: 114.3, lat: 34.7 } });
    expect(fromDraft("point", point, { ...draft, range_hi: 120, name_en: "" })).toEqual({
      id: "410205001.LT-1", name: { zh: "液位", en: "液位" }, equipment: "410205001.V-1", gateway: "41020500101", device: "plc", kind: "analog", signal: "level", role: "",
      unit: "%", range: [0, 120], decimals: 1, scan_ms: 1000, missing_scans: 5, frozen_ms: 0, states: [], on_delay_ms: 0, off_delay_ms: 0, realarm_ms: 0, latching: false, chatter_transitions: 3, chatter_window_ms: 60_000, longitude: 114.3, latitude: 34.7, version: 4,
    });
  });
  it("sends a blank text as a blank text, and a blank number or reference as none", () => {
    const sent = fromDraft("equipment", null, { id: "410205001.V-9", name_zh: "罐", kind: "tank", hazard: undefined, medium: null, cas: undefined, volume_m3: null, place: null });
    expect(sent).toEqual({ id: "410205001.V-9", name: { zh: "罐", en: "罐" }, kind: "tank", hazard: null, ...NO_TEXT, volume_m3: null, longitude: null, latitude: null, version: null });
  });
  it("carries the states of a discrete point, and none of a point that became analog", () => {
    const states = [{ value: 0, name: { zh: " 关 ", en: "" }, alarm: false }, { value: 2, name: { zh: "故障", en: "Fault" }, alarm: true }];
    const draft = { id: "410205001.XV-9", name_zh: "阀", kind: "discrete", range_lo: 0, range_hi: 2, scan_ms: 500, unit: null, states };
    const sent = fromDraft("point", null, draft);
    expect(sent.states).toEqual([{ value: 0, name: { zh: "关", en: "关" }, alarm: false }, { value: 2, name: { zh: "故障", en: "Fault" }, alarm: true }]);
    expect(sent.unit).toBe("");
    expect(fromDraft("point", null, { ...draft, kind: "analog" }).states).toEqual([]);
  });
  it("carries the delays of a discrete point, blank as none, and none of a point that became analog", () => {
    const point = { id: "410205001.XV-9", kind: "discrete", range: [0, 2], scan_ms: 500, on_delay_ms: 2000, off_delay_ms: 5000, version: 1 };
    const draft = toDraft(point, RECORDS.point.fields);
    expect(fromDraft("point", point, draft)).toMatchObject({ on_delay_ms: 2000, off_delay_ms: 5000 });
    expect(fromDraft("point", point, { ...draft, off_delay_ms: null })).toMatchObject({ on_delay_ms: 2000, off_delay_ms: 0 });
    expect(fromDraft("point", point, { ...draft, kind: "analog" })).toMatchObject({ on_delay_ms: 0, off_delay_ms: 0 });
  });
  it("sends of a gateway what a person may set, not what the center sees of it", () => {
    const gateway = { id: "41020500101", enterprise: "410205001", name: "GW-1", connected: true, frames: 7, points: 3, version: 2 };
    expect(fromDraft("gateway", gateway, toDraft(gateway, RECORDS.gateway.fields))).toEqual({ id: "41020500101", name: "GW-1", new_secret: false, version: 2 });
  });
});
