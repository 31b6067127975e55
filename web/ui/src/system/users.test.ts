/** What is sent of an account: an administrator sees everything, and everything is an empty scope, never none. */
import { describe, expect, it } from "vitest";
import { bodyOf } from "./UsersTab";

const draft = { username: " li ", name: "李强", role: "officer" as const, scope: "region:410205" };

describe("an account through the form", () => {
  it("is sent with its scope, and without a password where none was typed", () => {
    expect(bodyOf(draft, 3)).toEqual({ username: "li", name: "李强", role: "officer", scope: { region: "410205" }, password: null, unlock: false, version: 3 });
  });
  it("is sent with an empty scope for an administrator", () => {
    expect(bodyOf({ ...draft, role: "administrator", password: "long enough!" }, null)).toMatchObject({ scope: {}, password: "long enough!", version: null });
  });
});
