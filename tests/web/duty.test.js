// The manager of an enterprise keeps its roster: a member more, a template, a stand-in that shows in the week and is taken back; the
// park's officer sees who is on duty there and cannot change it; somebody says how they are reached, and it is seen at once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, startBrowser, startDemo } from "./harness.js";

const UNIT = "enterprise:410205001";

let demo;
let browser;
before(async () => {
  demo = await startDemo({ enterprises: 1 });
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

const unit = (page) => page.evaluate(async (id) => (await fetch(`/api/v1/duty-units/${encodeURIComponent(id)}`)).json(), UNIT);

async function choose(page, within, label, option) {
  const list = page.locator(".ant-select-dropdown:visible");
  for (let tries = 0; ; tries++) {
    try {
      if (!(await list.isVisible())) await within.getByLabel(label, { exact: true }).last().click({ timeout: 5000 });
      await list.waitFor({ timeout: 2000 });
      await list.locator(".ant-select-item-option").filter({ hasText: option }).first().click({ timeout: 2000 });
      break;
    } catch (error) {
      if (tries === 10) throw error;
    }
  }
  await list.waitFor({ state: "hidden" });
}

test("a roster is kept by its own people and seen by those above", async () => {
  const { page, problems } = await openPage(browser);
  await signIn(page, demo.accounts.enterprise_manager);
  await page.getByRole("link", { name: "值班", exact: true }).click();
  await page.getByRole("link", { name: "豫澜氮化" }).click();
  const before = await unit(page);

  await page.getByRole("button", { name: "修改排班" }).click();
  const editor = page.getByRole("region", { name: "修改排班" });
  await editor.getByRole("button", { name: "加成员" }).click();
  await choose(page, editor, "人员", /manager/);
  await editor.getByLabel("班组").last().fill("丁");
  await editor.getByRole("button", { name: "加日期" }).click();
  await editor.getByLabel("日期").fill("2027-02-08");
  await editor.getByLabel("名称", { exact: true }).fill("春节");
  await editor.getByRole("button", { name: "保存" }).click();
  await page.getByRole("region", { name: "排班表" }).waitFor();
  const after = await unit(page);
  assert.equal(after.version, before.version + 1);
  assert.equal(after.staff.length, before.staff.length + 1);
  assert.deepEqual(after.days, [{ date: "2027-02-08", kind: "rest", name: "春节" }]);

  // Whoever is on duty now is away for a day.
  const officer = after.now.find((n) => n.role === "duty_officer").people[0];
  const deputy = after.staff.find((m) => m.username === "manager");
  await page.getByRole("button", { name: "代班", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "代班" });
  await choose(page, dialog, "离岗", new RegExp(officer.name));
  await choose(page, dialog, "代班人", new RegExp(deputy.name));
  const local = (ms) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 16);
  await dialog.getByLabel("开始").fill(local(Date.now() - 3_600_000));
  await dialog.getByLabel("结束").fill(local(Date.now() + 86_400_000));
  await dialog.getByLabel("事由").fill("看病");
  await dialog.getByRole("button", { name: /保\s*存/ }).click();
  const standIns = page.getByRole("region", { name: "代班" });
  await standIns.getByText("看病").waitFor();
  assert.equal((await unit(page)).now.find((n) => n.role === "duty_officer").people[0].username, "manager");
  await page.getByRole("region", { name: "排班表" }).getByText("调", { exact: true }).first().waitFor();
  await standIns.getByRole("button", { name: "撤销" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /撤\s*销/ }).click();
  await standIns.getByText("没有代班").waitFor();
  assert.equal((await unit(page)).now.find((n) => n.role === "duty_officer").people[0].username, officer.username);

  await page.getByRole("button", { name: "我的联系方式" }).click();
  const contact = page.getByRole("dialog", { name: "我的联系方式" });
  await contact.getByLabel("邮箱").fill("zhang@example.cn");
  await contact.getByRole("button", { name: /保\s*存/ }).click();
  await contact.waitFor({ state: "hidden" });

  const above = await openPage(browser);
  await signIn(above.page, demo.accounts.officer);
  await above.page.goto(`${demo.url}/duty/${encodeURIComponent(UNIT)}`);
  await above.page.getByText("由本单位管理员或值班员维护").waitFor();
  assert.equal(await above.page.getByRole("button", { name: "修改排班" }).count(), 0);
  const seen = await unit(above.page);
  assert.equal(seen.staff.find((m) => m.username === "manager").email, "zhang@example.cn");

  assert.deepEqual(serious(problems), []);
  assert.deepEqual(serious(above.problems), []);
});
