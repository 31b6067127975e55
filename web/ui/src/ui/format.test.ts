/** Numbers, times and ages come out as the design language writes them. */
import { describe, expect, it } from "vitest";
import { decimalsOf, decimalsOfRange, formatCount, formatNumber, formatSigned } from "./number";
import { faceOf } from "./quality";
import { age, dayLabel, duration, durationWords, exactTime, listTime } from "./time";

describe("numbers", () => {
  it("take their decimals from the resolution", () => {
    expect([1, 0.5, 0.1, 0.05, 0.01, 0.001, 10].map(decimalsOf)).toEqual([0, 1, 1, 2, 2, 3, 0]);
  });
  it("take about four figures from the range where no resolution is stated", () => {
    expect(decimalsOfRange([0, 100])).toBe(1);
    expect(decimalsOfRange([0, 2.5])).toBe(3);
    expect(decimalsOfRange([-50, 450])).toBe(1);
    expect(decimalsOfRange([0, 5000])).toBe(0);
  });
  it("use a real minus and never a negative zero", () => {
    expect(formatNumber(-3.14, 1)).toBe("−3.1");
    expect(formatNumber(-0.01, 1)).toBe("0.0");
    expect(formatSigned(0.12, 1)).toBe("+0.1");
  });
  it("put a comma into counts from 1,000", () => {
    expect([7, 999, 1128, 1234567].map(formatCount)).toEqual(["7", "999", "1,128", "1,234,567"]);
  });
});

describe("ages", () => {
  it("are tenths while fresh, then seconds, minutes, hours", () => {
    expect([400, 9940, 12000, 130000, 700000, 3600000 * 1.5].map(age)).toEqual(["0.4 s", "9.9 s", "12 s", "130 s", "11 min", "1.5 h"]);
  });
  it("never run backwards when the instrument's clock is ahead", () => expect(age(-5000)).toBe("0.0 s"));
});

describe("durations", () => {
  it("count minutes and seconds, then hours", () => {
    expect([48_000, 3_637_000, 0].map(duration)).toEqual(["00:48", "1:00:37", "00:00"]);
  });
  it("read as words in both languages, two parts at most", () => {
    expect(durationWords(252_000, "zh-CN")).toBe("4 分 12 秒");
    expect(durationWords(252_000, "en-US")).toBe("4 min 12 s");
    expect(durationWords(3_600_000, "en-US")).toBe("1 h");
    expect(durationWords(0, "zh-CN")).toBe("0 秒");
  });
});

describe("moments", () => {
  const moment = new Date(2026, 10, 24, 3, 12, 46, 213).getTime();
  it("show the day in the reader's language", () => {
    expect(dayLabel(moment, "zh-CN", moment)).toBe("11-24 周二");
    expect(dayLabel(moment, "en-US", moment)).toBe("Tue 24 Nov");
    expect(dayLabel(moment, "zh-CN", new Date(2027, 0, 1).getTime())).toBe("2026-11-24 周二");
  });
  it("are exact where they are evidence", () => expect(exactTime(moment)).toBe("03:12:46.213"));
  it("name the day in a list only when it is neither today nor within twelve hours", () => {
    expect(listTime(moment, moment)).toBe("03:12");
    expect(listTime(moment - 4 * 3_600_000, moment)).toBe("23:12");
    expect(listTime(moment, moment + 86_400_000)).toBe("11-24 03:12");
  });
});

describe("the face of a value", () => {
  it("is bad before it is stale, and stale before it is uncertain", () => {
    expect(faceOf({ quality: "bad", ageMs: 60_000 })).toBe("bad");
    expect(faceOf({ quality: "uncertain", ageMs: 60_000 })).toBe("stale");
    expect(faceOf({ quality: "uncertain", ageMs: 300 })).toBe("uncertain");
    expect(faceOf({ quality: "good", ageMs: 300 })).toBe("good");
  });
  it("is stale for every value once the stream to this screen is lost", () => {
    expect(faceOf({ quality: "good", ageMs: 10, streamLost: true })).toBe("stale");
  });
  it("waits three scans of a slow point", () => {
    expect(faceOf({ quality: "good", ageMs: 25_000, scanMs: 10_000 })).toBe("good");
    expect(faceOf({ quality: "good", ageMs: 30_000, scanMs: 10_000 })).toBe("stale");
  });
});
