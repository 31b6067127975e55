// A night at the desk: a tank is overfilled, the warning calls four rungs of the ladder, the enterprise answers, the park feeds back, and
// once the level is back the warning is closed with cause and measure. Beside it a drill climbs to the province by itself, by the real
// rosters. What was called, read and answered is on the time line.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, startBrowser, startDemo } from "./harness.js";

let demo;
let browser;
before(async () => {
  demo = await startDemo();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

async function signIn(page, { username, password }) {
  await page.goto(`${demo.url}/`);
  await page.getByLabel("账号").fill(username);
  await page.getByLabel("密码", { exact: true }).fill(password);
  await page.getByRole("button", { name: /登\s*录/ }).click();
  await page.getByRole("navigation", { name: "主导航" }).waitFor();
}

/** What a page complains of, but for the question "who am I" that is asked before signing in. */
const serious = (problems) => problems.filter((text) => !/401 \(Unauthorized\)/.test(text));

async function api(page, path, method = "GET", body) {
  return page.evaluate(
    async ([p, m, b]) => {
      const answer = await fetch(`/api/v1${p}`, { method: m, headers: { "X-Anlan": "1", "Content-Type": "application/json" }, ...(b ? { body: JSON.stringify(b) } : {}) });
      return answer.json();
    },
    [path, method, body],
  );
}

async function until(what, ask, ms = 60_000) {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    const found = await ask();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`${what} did not come within ${ms / 1000} s`);
}

/** Opens a list and takes a choice; a list that opens while its dialog still moves closes again. */
async function choose(page, list, choice) {
  const option = page.locator(".ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option", { hasText: choice });
  for (let tries = 1; ; tries++) {
    await list.click();
    try {
      await option.click({ timeout: 2_000 });
      return;
    } catch (cause) {
      if (tries === 8) throw cause;
    }
  }
}

test("a warning is made, climbs, is answered by the enterprise and closed by the park; a drill reaches the province", async () => {
  const officer = await openPage(browser);
  await signIn(officer.page, demo.accounts.officer);
  const tester = await openPage(browser);
  await signIn(tester.page, demo.accounts.tester);
  await api(tester.page, "/scenarios/tank-overfill/start", "POST");

  await officer.page.getByRole("link", { name: "预警", exact: true }).click();
  const list = officer.page.getByRole("region", { name: "预警", exact: true }).first();
  const row = list.locator(".warn-row", { hasText: "豫澜氮化" }).first();
  await row.waitFor({ timeout: 90_000 });
  await row.getByText("待响应").waitFor();
  const { items } = await api(officer.page, "/warnings?enterprise=410205001");
  const real = await until("orange", async () => (await api(officer.page, "/warnings?enterprise=410205001")).items.find((w) => w.colour === "orange" && !w.drill));
  assert.equal(items.filter((w) => w.kind === "process" && w.equipment === real.equipment).length, 1, "one warning of one tank");
  assert.deepEqual(real.called, ["enterprise", "park", "county", "city"]);
  await row.click();
  await officer.page.locator(".warn-ladder li.called", { hasText: "市级" }).waitFor();

  // The drill goes its own way meanwhile: sixty minutes are six seconds.
  const drill = await api(officer.page, "/warnings", "POST", { enterprise: "410205001", colour: "blue", pace: 600 });
  assert.equal(drill.drill, true);

  const responder = await openPage(browser, { width: 390, height: 844 });
  await signIn(responder.page, demo.accounts.enterprise_responder);
  await responder.page.goto(`${demo.url}/warnings/${real.no}`);
  await responder.page.getByRole("button", { name: "响应", exact: true }).click();
  await responder.page.locator(".warn-answer").getByText(/于 .+ 响应$/).waitFor();
  const answered = await api(responder.page, `/warnings/${real.no}`);
  assert.equal(answered.state === "in_hand" || answered.state === "returned", true, answered.state);
  const width = await responder.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `no sideways scroll on a phone: ${width}`);

  await officer.page.getByRole("button", { name: "反馈", exact: true }).click();
  const dialog = officer.page.getByRole("dialog");
  for (const [label, choice] of [["原因", "工艺波动"], ["措施", "工艺调整"]]) await choose(officer.page, dialog.getByLabel(label), choice);
  await dialog.getByRole("button", { name: /反\s*馈/ }).click();
  await dialog.waitFor({ state: "detached" });

  const climbed = await until("the province", async () => {
    const w = await api(officer.page, `/warnings/${drill.no}`);
    return w.called.includes("province") ? w : null;
  });
  assert.deepEqual(climbed.called, ["enterprise", "park", "county", "city", "province"]);
  assert.ok(climbed.messages.length > 0 && climbed.messages.every((m) => m.subject.includes("演练")), "every message says that it is a drill");
  const ids = climbed.messages.map((m) => m.id);
  assert.equal(new Set(ids).size, ids.length, "no message twice");

  await until("the level to come back", async () => (await api(officer.page, `/warnings/${real.no}`)).standing === 0, 150_000);
  await officer.page.getByRole("button", { name: "销警", exact: true }).click();
  const closing = officer.page.getByRole("dialog");
  for (const [label, choice] of [["原因", "工艺波动"], ["措施", "工艺调整"]]) await choose(officer.page, closing.getByLabel(label), choice);
  await closing.getByRole("button", { name: /销\s*警/ }).click();
  await closing.getByText("写一句原因").waitFor();
  await closing.locator("textarea#comment").fill("进料阀已关，液位恢复正常");
  await closing.getByRole("button", { name: /销\s*警/ }).click();
  await closing.waitFor({ state: "detached" });
  await officer.page.getByText(/销警：工艺波动，工艺调整/).first().waitFor();

  const closed = await api(officer.page, `/warnings/${real.no}`);
  assert.equal(closed.state, "closed");
  const line = closed.line.map((e) => e.change.what);
  for (const what of ["raised", "called", "answered", "fed_back", "returned", "closed"]) assert.ok(line.includes(what), `${what} is on the time line: ${line}`);
  assert.ok(line.indexOf("called") < line.indexOf("answered") && line.indexOf("answered") < line.indexOf("fed_back"));
  assert.equal(line.at(-1), "closed");
  assert.ok(closed.messages.length > 0, "people were told");
  await api(officer.page, `/warnings/${drill.no}/close`, "POST", { cause: "unknown", measure: "none", comment: "演练结束" });

  for (const of of [officer, tester, responder]) assert.deepEqual(serious(of.problems), []);
});
