/** The codes of the audit log become words in both languages; what is unknown stays as it is. */
import { describe, expect, it } from "vitest";
import { translate, type Translate } from "../i18n";
import { actionWords, changes, detailLines, objectOf, valueWords } from "./audit";

const zh: Translate = (key, params) => translate("zh-CN", key, params);
const en: Translate = (key, params) => translate("en-US", key, params);

describe("the audit log", () => {
  it("has words for every action that the center writes", () => {
    for (const action of ["create", "change", "delete", "limits", "password", "unlock", "sign_in", "sign_in_failed", "sign_out", "acknowledge", "import", "scenario_start", "scenario_stop", "fault", "faults_removed"]) {
      expect(actionWords(action, zh)).not.toBe(action);
      expect(actionWords(action, en)).not.toBe(action);
    }
    expect(actionWords("fly", zh)).toBe("fly");
  });
  it("names objects by their kind and tag, and leads to them", () => {
    expect(objectOf("session", zh)).toEqual({ kind: "会话", name: "", to: null });
    expect(objectOf("hazard source 410205001002", zh)).toEqual({ kind: "重大危险源", name: "410205001002", to: null });
    expect(objectOf("equipment 410205001.V-1203", en)).toEqual({ kind: "Equipment", name: "V-1203", to: "/equipment/410205001.V-1203" });
    expect(objectOf("alarm 410205001.LT-1203A|HH|3", zh)).toEqual({ kind: "报警", name: "LT-1203A 高高报", to: "/alarms?alarm=410205001.LT-1203A%7CHH%7C3" });
    expect(objectOf("scenario tank-overfill", zh).name).toBe("储罐溢装");
    expect(objectOf("duty swap region:410205P01/leader/2026-11-25/day/wang", zh)).toEqual({ kind: "换班", name: "410205P01 leader 2026-11-25 day wang", to: "/duty/region%3A410205P01" });
    expect(objectOf("duty day */2027-01-01", en)).toEqual({ kind: "Duty calendar", name: "2027-01-01", to: null });
    expect(objectOf("stand-in enterprise:410205001/wang/60000", zh)).toMatchObject({ kind: "代班", to: "/duty/enterprise%3A410205001" });
    expect(objectOf("detector 410205001.LT-1|DEVIATION", en)).toMatchObject({ kind: "Alarm condition", to: null });
    expect(objectOf("detector 410205001.LT-1|DEVIATION", en).name).toMatch(/^LT-1 (?!DEVIATION$)/);
    expect(objectOf("contact wang", zh)).toEqual({ kind: "联系方式", name: "wang", to: null });
    expect(objectOf("something else", zh)).toEqual({ kind: "", name: "something else", to: null });
  });
  it("tells an import as a short list", () => {
    const detail = "cameras: 31 created, 0 changed, 0 as they were\npoints: 1128 created, 2 changed, 0 as they were\nwidgets: 1 created, 0 changed, 0 as they were";
    expect(detailLines({ action: "import", object: "registry", detail }, zh)).toEqual([{ label: "摄像头", words: "新增 31" }, { label: "点位", words: "新增 1,128，修改 2" }, { label: "widgets", words: "新增 1" }]);
    expect(detailLines({ action: "import", object: "registry", detail }, en)[1]).toEqual({ label: "Point", words: "1,128 new, 2 changed" });
  });
  it("tells a change field by field", () => {
    const detail = 'unit: "%" → "m"; name_zh: "液位; 主" → "液位"; longitude: None → Some(114.3); region: RegionCode("410205") → RegionCode("410200")';
    expect(changes(detail).map((c) => c.field)).toEqual(["unit", "name_zh", "longitude", "region"]);
    expect(detailLines({ action: "change", object: "point 4.LT", detail }, zh)).toEqual([
      { label: "单位", words: "% → m" }, { label: "中文名", words: "液位; 主 → 液位" }, { label: "经度", words: "无 → 114.3" }, { label: "所在区域", words: "410205 → 410200" },
    ]);
    expect(valueWords("Everything", zh)).toBe("Everything");
  });
  it("tells limits and refused sign-ins", () => {
    expect(detailLines({ action: "limits", object: "point x", detail: "3: HH 85, H 80 (检修)" }, zh)).toEqual([{ label: "第 3 版", words: "HH 85, H 80 (检修)" }]);
    expect(detailLines({ action: "sign_in_failed", object: "session", detail: "2 tries left" }, zh)).toEqual([{ label: "", words: "还可再试 2 次" }]);
  });
});
