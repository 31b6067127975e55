/** A refused sign-in says what is wrong and what comes next. */
import { expect, it } from "vitest";
import { ApiError } from "../api/client";
import { refusalOf } from "./refusal";

it("says how many tries are left", () => {
  const error = new ApiError(401, "bad_credentials", "", null, { remaining: 3 });
  expect(refusalOf(error, 0)).toEqual({ key: "session.wrongLeft", params: { n: 3, minutes: 15 }, field: "password" });
});
it("says for how long the account stays locked, never zero minutes", () => {
  expect(refusalOf(new ApiError(423, "locked", "", null, { until: 600_001 }), 0).params).toEqual({ minutes: 11 });
  expect(refusalOf(new ApiError(423, "locked", "", null, { until: 10 }), 5000).params).toEqual({ minutes: 1 });
});
it("does not blame the password when the center is silent or broken", () => {
  expect(refusalOf(new ApiError(0, "no_answer", ""), 0).key).toBe("session.network");
  expect(refusalOf(new ApiError(503, "x", ""), 0).key).toBe("session.network");
});
