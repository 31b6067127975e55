/** A part that cannot be fetched is asked for again, and given up in the end. */
import { describe, expect, it } from "vitest";
import { persistent } from "./persistent";

describe("fetching a part", () => {
  it("goes on until it is there", async () => {
    let n = 0;
    expect(await persistent(() => (++n < 3 ? Promise.reject(new Error("away")) : Promise.resolve(n)), 5, 1)).toBe(3);
  });
  it("is given up after its tries", async () => {
    await expect(persistent(() => Promise.reject(new Error("away")), 2, 1)).rejects.toThrow("away");
  });
});
