/** Alarms read as the words table says, stand in a fixed order, and their rows hold still. */
import { describe, expect, it } from "vitest";
import type { Alarm } from "../api/types";
import { translate, type Translate } from "../i18n";
import { alarmBadge, alarmPlace, alarmTag, alarmTitle, alarmValue, byPriority, countByLevel, markOf, matches, oldestUnanswered } from "./alarm";
import { shelfChoices } from "./answers";
import { rowsOf } from "./rows";

const zh: Translate = (key, params) => translate("zh-CN", key, params);
const en: Translate = (key, params) => translate("en-US", key, params);

const base: Alarm = {
  id: "410205001.LT-1203A|HH|3", subject: "410205001.LT-1203A", condition: "HH", occurrence: 3, level: 1, state: "unacknowledged", late: false,
  enterprise: "410205001", enterprise_name: { zh: "豫澜氮化", en: "Yulan Nitrogen" }, hazard: "410205001001", equipment: "410205001.V-1203", point: "410205001.LT-1203A",
  tag: "LT-1203A", name: { zh: "液氨球罐液位", en: "Ammonia sphere level" }, signal: "level", unit: "%", decimals: 1, value: 85.2, limit: 85, limits_version: 7,
  raised_at: 1000, received_at: 1001, decided_at: 1002, cleared_at: null, clear_reason: null, acknowledged: null, owner: null, disposition: null, crossings: null, chattering: false, longitude: null, latitude: null, cursor: "c",
};
const make = (change: Partial<Alarm>): Alarm => ({ ...base, ...change });

describe("an alarm's words", () => {
  it("name the equipment, the quantity and the condition", () => {
    expect(alarmTitle(base, zh, "zh-CN")).toBe("V-1203 液位高高报");
    expect(alarmTitle(base, en, "en-US")).toBe("V-1203 level HH");
  });
  it("name a gas detector by its own tag", () => {
    const gas = make({ signal: "gas_toxic", tag: "GT-2107", name: { zh: "氯气", en: "Chlorine" }, condition: "H", equipment: "410205002.AREA-1" });
    expect(alarmTitle(gas, zh, "zh-CN")).toBe("GT-2107 氯气高报");
  });
  it("name what is lost on the data path", () => {
    expect(alarmTitle(make({ subject: "gateway:41020500801", condition: "GATEWAY", point: null }), zh, "zh-CN")).toBe("采集主机 41020500801 断链");
    expect(alarmTitle(make({ subject: "device:41020500801/plc-1", condition: "DEVICE" }), en, "en-US")).toBe("Device plc-1 lost");
    expect(alarmTitle(make({ subject: "center", condition: "CENTER" }), zh, "zh-CN")).toBe("中心链路中断");
  });
  it("give place and value with the unit", () => {
    expect(alarmPlace(base, "zh-CN")).toBe("豫澜氮化 · LT-1203A 液氨球罐液位");
    expect(alarmValue(base)).toBe("85.2 %");
  });
  it("tell two instruments of one tank apart by their tags", () => {
    const tag = (a: Alarm): string => alarmTag(a, alarmTitle(a, zh, "zh-CN"));
    expect(tag(base)).toBe("LT-1203A");
    expect(tag(make({ tag: "LT-1203B" }))).toBe("LT-1203B");
    expect(tag(make({ signal: "gas_toxic", tag: "GT-2107", name: { zh: "氯气", en: "Chlorine" } }))).toBe("");
    expect(tag(make({ subject: "gateway:41020500801", condition: "GATEWAY", point: null }))).toBe("");
  });
  it("draw what waits for a reset in outline, and say so", () => expect(alarmBadge({ state: "latched_acknowledged" })).toEqual({ label: "alarms.state.latched_acknowledged", tone: "quiet", outline: true }));
  it("draw a returned alarm in outline", () => expect(alarmBadge({ state: "returned_unacknowledged" }).outline).toBe(true));
});

describe("the list of alarms", () => {
  it("puts the gravest first, unanswered before answered, newest first", () => {
    const list = [make({ id: "a", level: 3 }), make({ id: "b", state: "acknowledged", raised_at: 9000 }), make({ id: "c" }), make({ id: "d", raised_at: 5000 })];
    expect(list.sort(byPriority).map((a) => a.id)).toEqual(["d", "c", "b", "a"]);
  });
  it("filters by level, answer and text", () => {
    const all = { level: null, unacknowledged: false, text: "" };
    expect(matches(base, { ...all, level: 2 }, zh, "zh-CN")).toBe(false);
    expect(matches(make({ state: "acknowledged" }), { ...all, unacknowledged: true }, zh, "zh-CN")).toBe(false);
    expect(matches(base, { ...all, text: "lt-1203" }, zh, "zh-CN")).toBe(true);
    expect(matches(base, { ...all, text: "豫澜" }, zh, "zh-CN")).toBe(true);
  });
  it("finds the one that has waited longest", () => {
    expect(oldestUnanswered([make({ id: "a", raised_at: 5 }), make({ id: "b", raised_at: 2 }), make({ id: "c", raised_at: 1, state: "acknowledged" })])?.id).toBe("b");
    expect(oldestUnanswered([])).toBeNull();
  });
  it("marks a point by what stands, and in outline by what has returned", () => {
    const [grave, minor] = [make({ id: "g", state: "returned_unacknowledged" }), make({ id: "m", level: 3 })];
    expect(markOf([grave, minor])).toMatchObject({ alarm: { id: "m" }, outline: false });
    expect(markOf([grave])).toMatchObject({ alarm: { id: "g" }, outline: true });
    expect(markOf([make({ state: "closed" })])).toBeNull();
  });
  it("counts by level", () => expect(countByLevel([base, make({ level: 4 }), make({ level: 4 })])).toEqual([1, 0, 0, 2]));
});

describe("rows in use", () => {
  const [a, b, c] = [make({ id: "a" }), make({ id: "b" }), make({ id: "c" })];
  const lookUp = (list: Alarm[]) => (id: string) => list.find((x) => x.id === id);
  it("keep their order and place while news wait", () => {
    const rows = rowsOf([c, b, a], [a, b], lookUp([a, b, c]));
    expect(rows.shown.map((x) => x.id)).toEqual(["a", "b"]);
    expect(rows.waiting).toBe(1);
  });
  it("leave an ended alarm where it was, looking ended", () => {
    expect(rowsOf([b], [a, b], lookUp([b])).shown.map((x) => x.state)).toEqual(["closed", "unacknowledged"]);
  });
  it("take the true order once released", () => expect(rowsOf([c, a], null, lookUp([a, c])).shown.map((x) => x.id)).toEqual(["c", "a"]));
});

describe("the lengths of a shelf to choose from", () => {
  it("are round ones and the longest that is allowed", () => {
    expect(shelfChoices(30)).toEqual([15, 30]);
    expect(shelfChoices(45)).toEqual([15, 30, 45]);
    expect(shelfChoices(5)).toEqual([5]);
    expect(shelfChoices(720).at(-1)).toBe(720);
  });
});
