/** A name in the trail does not say again what stands before it. */
import { describe, expect, it } from "vitest";
import { shortNames } from "./crumbs";

describe("names along a path", () => {
  it("leave out the city that stands before them", () =>
    expect(shortNames(["河南省", "开封市", "禹王台区", "开封精细化工产业集聚区"])).toEqual(["河南省", "开封市", "禹王台区", "精细化工产业集聚区"]));
  it("do so in English too", () => expect(shortNames(["Kaifeng City", "Kaifeng Fine Chemical Park"])).toEqual(["Kaifeng City", "Fine Chemical Park"]));
  it("stay whole where little would be left", () => expect(shortNames(["开封市", "开封新区"])).toEqual(["开封市", "开封新区"]));
});
