// An administrator makes a plant by hand: every kind of record is created, changed and, where it can be, deleted through the pages;
// a thing is placed on the map; the new point is seen under its equipment. A refused request is a console error and fails the test.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, startBrowser, startDemo } from "./harness.js";

const ENTERPRISE = "410205099";
const EQUIPMENT = `${ENTERPRISE}.V-1`;
const GATEWAY = `${ENTERPRISE}01`;

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

async function api(page, path) {
  return page.evaluate(async (p) => (await fetch(`/api/v1${p}`)).json(), path);
}

async function choose(page, form, label, option) {
  const list = page.locator(".ant-select-dropdown:visible");
  const wanted = list.locator(".ant-select-item-option").filter({ hasText: option }).first();
  // A dialog that is still growing closes what is opened on it: opened again, it stays.
  for (let tries = 0; ; tries++) {
    try {
      if (!(await list.isVisible())) await form.getByLabel(label, { exact: true }).click({ timeout: 5000 });
      await list.waitFor({ timeout: 2000 });
      // Lists by code are long and draw only what is in view: they are searched.
      if (/^\w+$/.test(option.source)) await form.getByLabel(label, { exact: true }).fill(option.source, { timeout: 2000 });
      await wanted.click({ timeout: 2000 });
      break;
    } catch (error) {
      if (tries === 10) throw error;
    }
  }
  await list.waitFor({ state: "hidden" });
}

async function fill(page, form, fields) {
  for (const [label, value] of Object.entries(fields)) {
    if (value instanceof RegExp) await choose(page, form, label, value);
    else await form.getByLabel(label, { exact: true }).fill(String(value));
  }
}

/** Clicks into the middle of the form's map until the form says where the thing stands. */
async function place(page, form) {
  const ground = form.getByRole("application");
  await ground.scrollIntoViewIfNeeded();
  const placed = form.getByText(/^经度 1\d\d\.\d+，纬度 3\d\.\d+$/);
  // The map takes a click only once it is drawn, and says nothing about that.
  await ground.locator("canvas").waitFor();
  for (let tries = 0; tries < 100 && !(await placed.isVisible()); tries++) {
    await ground.click({ position: { x: 120, y: 110 } });
    await placed.waitFor({ timeout: 500 }).catch(() => undefined);
  }
  await placed.waitFor();
}

/** Opens the form, fills it in, saves, and waits until the drawer is gone: it stays where the center refuses. */
async function save(page, open, fields, more = async () => undefined) {
  await open.click();
  const form = page.getByRole("dialog");
  await form.getByRole("button", { name: "保存" }).waitFor();
  await fill(page, form, fields);
  await more(form);
  await form.getByRole("button", { name: "保存" }).click();
  await form.getByRole("button", { name: "保存" }).waitFor({ state: "detached", timeout: 15_000 }).catch(async () => {
    throw new Error(`the form stays: ${await form.innerText()}`);
  });
}

// Records of the plant show their tag, and their whole id where one points at it; accounts are named in full.
const row = (page, id) => page.getByRole("row").filter({ has: page.locator(`td[title="${id}"]`).or(page.getByRole("cell", { name: id, exact: true })) });
const edit = (page, id) => row(page, id).getByRole("button", { name: "修改" });
const add = (page) => page.getByRole("button", { name: /^新增/ });

async function drop(page, id) {
  await row(page, id).getByRole("button", { name: "删除" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /删\s*除/ }).click();
  await row(page, id).waitFor({ state: "detached" });
}

test("an administrator creates, changes and deletes each kind of record, and sees the new point under its equipment", async () => {
  const { page, problems } = await openPage(browser);
  await signIn(page, demo.accounts.administrator);
  const tab = async (kind) => {
    await page.goto(`${demo.url}/plant/${ENTERPRISE}/${kind}`);
    await add(page).waitFor();
  };

  await page.goto(`${demo.url}/plant/410205001/enterprise`);
  await save(
    page, add(page),
    { 编码: ENTERPRISE, 中文名: "手工化工", 英文名: "Handmade Chemicals", 统一社会信用代码: "91410205MA4000004D", 所在区域: /410205P01/, 电话: "0371-1" },
    (form) => place(page, form),
  );
  await save(page, edit(page, ENTERPRISE), { 电话: "0371-2" });
  const enterprise = await api(page, `/enterprises/${ENTERPRISE}`);
  assert.equal(enterprise.phone, "0371-2");
  assert.equal(enterprise.industry_code, "", "a blank text stays a blank text");
  assert.ok(enterprise.longitude > 100, "it was placed on the map");

  await tab("hazard");
  await save(page, add(page), { 编码: `${ENTERPRISE}001`, 中文名: "手工罐区", 级别: /3 级|三级/ });
  await save(page, edit(page, `${ENTERPRISE}001`), { 级别: /2 级|二级/ });
  assert.equal((await api(page, `/hazard-sources/${ENTERPRISE}001`)).level, 2);

  await tab("gateway");
  await add(page).click();
  await fill(page, page.getByRole("dialog"), { 编码: GATEWAY, 中文名: "GW-9" });
  await page.getByRole("dialog").getByRole("button", { name: "保存" }).click();
  assert.match(await page.locator(".secret").innerText(), /^[0-9a-f]{64}$/);
  await page.getByRole("dialog", { name: "接入密钥，只显示这一次" }).getByRole("button").last().click();
  await page.locator(".secret").waitFor({ state: "hidden" });
  await save(page, edit(page, GATEWAY), { 中文名: "GW-10" });
  assert.equal((await api(page, `/gateways/${GATEWAY}`)).name, "GW-10");

  await tab("equipment");
  await save(page, add(page), { 编码: EQUIPMENT, 中文名: "手工储罐", 类型: /储罐/, 重大危险源: /手工罐区/ }, (form) => place(page, form));
  await save(page, edit(page, EQUIPMENT), { 介质: "甲醇" });
  const equipment = await api(page, `/equipment/${EQUIPMENT}`);
  assert.deepEqual([equipment.medium, equipment.hazard, equipment.cas], ["甲醇", `${ENTERPRISE}001`, ""]);
  assert.ok(equipment.longitude > 100 && equipment.latitude > 30, "it was placed on the map");

  await tab("point");
  const analog = `${ENTERPRISE}.LT-1`;
  const discrete = `${ENTERPRISE}.XV-1`;
  const wiring = { 设备: /V-1/, 采集主机: new RegExp(GATEWAY), 仪表设备: "plc-1" };
  await save(page, add(page), { 编码: analog, 中文名: "液位", ...wiring, 类型: /模拟量/, 信号类型: "level", 单位: "%", 量程下限: 0, 量程上限: 100, "采样周期 ms": 1000 });
  await save(page, edit(page, analog), { 量程上限: 120 });
  assert.deepEqual((await api(page, `/points/${analog}`)).range, [0, 120]);
  const state = (form, n) => form.getByRole("group", { name: `状态 ${n}`, exact: true });
  await save(
    page, add(page),
    { 编码: discrete, 中文名: "切断阀", ...wiring, 类型: /开关量/, 信号类型: /^状态$/, 量程下限: 0, 量程上限: 2, "采样周期 ms": 1000 },
    async (form) => {
      for (const name of ["关", "开", "故障"]) {
        const n = await form.getByRole("group", { name: /^状态 \d/ }).count();
        await form.getByRole("button", { name: "加一个状态" }).click();
        await state(form, n).getByLabel("中文名").fill(name);
      }
      await state(form, 2).getByLabel("报警").check();
    },
  );
  await save(page, edit(page, discrete), {}, (form) => state(form, 1).getByLabel("英文名").fill("Open"));
  const valve = await api(page, `/points/${discrete}`);
  assert.deepEqual(valve.states.map((s) => [s.value, s.name.zh, s.name.en, s.alarm]), [[0, "关", "关", false], [1, "开", "Open", false], [2, "故障", "故障", true]]);
  assert.equal(valve.unit, "");

  for (const [version, value] of [[1, 85], [2, 90]]) {
    await row(page, analog).getByRole("button", { name: "限值" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("HH 限值").fill(String(value));
    await form.getByLabel("修改原因").fill("试运行");
    await form.getByRole("button", { name: "存为新版本" }).click();
    await form.getByRole("button", { name: "存为新版本" }).waitFor({ state: "detached" });
    const limits = (await api(page, `/points/${analog}`)).limits;
    assert.deepEqual([limits.version, limits.hh.value], [version, value]);
  }

  await tab("camera");
  const camera = `${ENTERPRISE}.CAM-1`;
  await save(page, add(page), { 编码: camera, 中文名: "罐区东", 设备: /V-1/, "RTSP 地址": "rtsp://127.0.0.1/1" });
  await save(page, edit(page, camera), { 中文名: "罐区西" });
  assert.equal((await api(page, `/cameras/${camera}`)).name.zh, "罐区西");

  await page.goto(`${demo.url}/equipment/${EQUIPMENT}`);
  await page.locator("#content").getByText("LT-1", { exact: false }).first().waitFor();
  await page.locator("#content").getByText("XV-1", { exact: false }).first().waitFor();

  await tab("camera");
  await drop(page, camera);
  await tab("point");
  await drop(page, analog);
  await drop(page, discrete);
  await tab("equipment");
  await drop(page, EQUIPMENT);

  await page.goto(`${demo.url}/system/users`);
  const account = page.getByRole("dialog");
  const saveAccount = async () => {
    await account.getByRole("button", { name: /保\s*存/ }).click();
    await account.waitFor({ state: "detached" });
  };
  await add(page).click();
  await fill(page, account, { 账号: "liqiang", 姓名: "李强", 数据范围: /410205P01/, 密码: "long enough 1" });
  await saveAccount();
  await edit(page, "liqiang").click();
  await fill(page, account, { 角色: /企业安全管理员/, 数据范围: new RegExp(ENTERPRISE) });
  await saveAccount();
  const found = async () => (await api(page, "/users")).items.find((u) => u.username === "liqiang");
  assert.deepEqual([(await found()).role, (await found()).scope], ["enterprise_manager", { enterprise: ENTERPRISE }]);
  await edit(page, "liqiang").click();
  await fill(page, account, { 角色: /系统管理员/ });
  await saveAccount();
  assert.deepEqual([(await found()).role, (await found()).scope], ["administrator", {}], "an administrator sees everything");
  await drop(page, "liqiang");
  assert.equal(await found(), undefined);

  assert.deepEqual(serious(problems), []);
});
