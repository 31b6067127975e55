/** What the form does not show survives a change, and what it shows is sent in the shape of the interface. */
import { describe, expect, it } from "vitest";
import { fromDraft, RECORDS, toDraft } from "./records";

describe("a record through the form", () => {
  it("keeps what the form does not know", () => {
    const point = {
      id: "410205001.LT-1", name: { zh: "液位", en: "Level" }, equipment: "410205001.V-1", gateway: "41020500101", device: "plc", kind: "analog", signal: "level", role: null,
      unit: "%", range: [0, 100], decimals: 1, scan_ms: 1000, states: [], longitude: 114.3, latitude: 34.7, version: 4, limits: null, value: null,
    };
    const draft = toDraft(point, RECORDS.point.fields);
    expect(draft).toMatchObject({ name_zh: "液位", range_lo: 0, range_hi: 100, place: { lon: 114.3, lat: 34.7 } });
    const sent = fromDraft("point", "410205001", point, { ...draft, range_hi: 120, name_en: "" });
    expect(sent).toMatchObject({ range: [0, 120], name: { zh: "液位", en: "液位" }, states: [], version: 4, longitude: 114.3 });
    expect("limits" in sent || "value" in sent).toBe(false);
  });
  it("belongs to the enterprise in which it is made", () => {
    const sent = fromDraft("equipment", "410205001", null, { id: "410205001.V-9", name_zh: "罐", kind: "tank", place: null });
    expect(sent).toMatchObject({ enterprise: "410205001", longitude: null, hazard: null });
  });
});
