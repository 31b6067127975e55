import { describe, expect, it } from "vitest";
import { translate, type Params } from "../i18n";
import type { MessageKey } from "../i18n";
import type { LineEntry, Warning } from "./types";
import { linesOf, placeOf, titleOf } from "./warning";

const t = (key: MessageKey, params?: Params): string => translate("zh-CN", key, params);
const name = (zh: string) => ({ zh, en: `${zh} en` });

const warning = (over: Partial<Warning>): Warning => ({
  no: 1, kind: "gas", colour: "orange", state: "unanswered", drill: false, rule: "gas-hh", enterprise: "410205001", enterprise_name: name("安澜化工"), hazard: null, hazard_name: null,
  equipment: null, equipment_name: null, lead: "410205001.GT-1|HH|1", lead_condition: "HH", lead_name: name("氯气"), lead_tag: "GT-1", raised_at: 0, returned_at: null, closed_at: null, alarms: 1,
  standing: 1, unacknowledged: 1, answered_by: null, answered_by_name: null, answered_at: null, fed_back_at: null, called: ["enterprise"], called_at: 0, round: 1, position: null, ...over,
});

describe("words of a warning", () => {
  it("says the narrowest place that is known", () => {
    expect(placeOf(warning({}), t, "zh-CN")).toBe("安澜化工");
    expect(placeOf(warning({ hazard_name: name("罐区") }), t, "zh-CN")).toBe("安澜化工 · 罐区");
    expect(placeOf(warning({ hazard_name: name("罐区"), equipment_name: name("V-1") }), t, "zh-CN")).toBe("安澜化工 · V-1");
    expect(placeOf(warning({ enterprise: null }), t, "zh-CN")).toBe("监管中心");
  });

  it("names the leading alarm, and a drill as one", () => {
    expect(titleOf(warning({}), t, "zh-CN")).toBe("气体泄漏：GT-1 氯气 高高报");
    expect(titleOf(warning({ drill: true }), t, "zh-CN")).toBe("演练");
  });

  it("tells a run of joined alarms as one and keeps who was called", () => {
    const at = (n: number, change: LineEntry["change"]): LineEntry => ({ at: n, change, by_name: null });
    const lines = linesOf(
      [
        at(1, { what: "raised", colour: "yellow", rule: "gas-h", rules_version: 0, alarm: "410205001.GT-1|H|1" }),
        at(1, { what: "called", rung: "county", round: 1, why: "unanswered", skipped: ["park"] }),
        at(2, { what: "joined", alarm: "410205001.GT-2|H|1" }),
        at(3, { what: "joined", alarm: "410205001.GT-3|H|1" }),
        at(4, { what: "answered", by: "li", by_alarm: false, comment: "去看了" }),
        at(5, { what: "joined", alarm: "410205001.GT-4|H|1" }),
      ],
      t, "zh-CN", null,
    );
    expect(lines.map((l) => l.words)).toEqual([
      "产生黄色预警（规则：gas-h）", "逾期未响应，升级至区县（跳过：园区，无此层级或无人值班）", "2 条报警加入", "li 响应 · 去看了", "报警加入：GT-4 高报",
    ]);
  });
});
