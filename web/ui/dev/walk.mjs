// Walks the alarm desk by keyboard and takes the network away, the way a person would, in Chromium against a running center.
//   node dev/walk.mjs BASE_URL OUT_DIR USER PASSWORD
// It says what each key did, and saves pictures of the screen without its stream. It acknowledges one alarm. Run it while no
// alarm is being added: a new one moves the rows, and a new level 1 ends the mute.
import { chromium } from "playwright-core";

const [base, out, user, password] = process.argv.slice(2);
if (!base || !out || !user || !password) throw new Error("usage: node dev/walk.mjs BASE_URL OUT_DIR USER PASSWORD");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
});
let failed = 0;
const check = (what, good, seen) => {
  if (!good) failed += 1;
  console.log(good ? "ok  " : "FAIL", what, good ? "" : `(${seen})`);
};
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "zh-CN", timezoneId: "Asia/Shanghai" });
  const answer = await context.request.post(`${base}/api/v1/session`, { data: { username: user, password } });
  if (!answer.ok()) throw new Error(`sign-in: ${answer.status()}`);
  const tab = await context.newPage();
  await tab.goto(`${base}/alarms`);
  await tab.waitForSelector(".desk-row.sel", { timeout: 20_000 });
  const chosen = () => tab.evaluate(() => document.querySelector(".desk-row.sel")?.closest("li")?.dataset.alarm ?? null);
  const press = async (key) => {
    await tab.keyboard.press(key);
    await tab.waitForTimeout(350);
  };

  await tab.waitForTimeout(1000);
  await press("j"); // from here on the choice is in the address and stays
  const first = await chosen();
  await press("j");
  const second = await chosen();
  check("J goes to the next alarm", second !== first && second !== null, second);
  await press("k");
  check("K goes back", (await chosen()) === first, await chosen());
  await press("n");
  const oldest = await chosen();
  check("N goes to the oldest that waits", oldest !== null, oldest);
  await press("1");
  check("1 filters level 1", new URL(tab.url()).searchParams.get("level") === "1", tab.url());
  await press("Escape");
  check("Esc takes the filter away", new URL(tab.url()).searchParams.get("level") === null, tab.url());
  await press("?");
  check("? shows the keys", await tab.locator(".key-help").isVisible(), "");
  await press("Escape");
  await tab.waitForTimeout(500);
  check("Esc closes them", !(await tab.locator(".key-help").isVisible()), "");
  await press("/");
  check("/ goes to the search", (await tab.evaluate(() => document.activeElement?.id)) === "search", "");
  await tab.keyboard.type("jka");
  check("keys rest while one types", (await chosen()) === oldest, await chosen());
  await press("Escape");
  await tab.evaluate(() => document.activeElement?.blur());
  await press("q");
  check("Q mutes with a countdown", /\d:\d\d/.test(await tab.locator(".top .top-button").first().innerText()), await tab.locator(".top .top-button").first().innerText());

  await tab.goto(`${base}/alarms`);
  await tab.waitForSelector(".desk-row.sel");
  await press("j");
  await press("t");
  check("T opens the trend", /\/(equipment)\//.test(tab.url()), tab.url());
  await tab.goBack();
  await tab.waitForSelector(".desk-row.sel");
  await press("m");
  check("M places it on the map", /\/map\?/.test(tab.url()), tab.url());
  await tab.goBack();
  await tab.waitForSelector(".desk-row.sel");
  const id = await chosen();
  await press("a");
  await tab.waitForTimeout(1500);
  const state = await tab.evaluate(async (alarm) => (await (await fetch(`/api/v1/alarms/${encodeURIComponent(alarm)}`)).json()).state, id);
  check("A acknowledges", state === "acknowledged" || state === "closed", `${id}: ${state}`);

  // Without its network a screen says so within seconds, keeps what it has, and lets nobody act on it.
  await tab.goto(`${base}/map`);
  await tab.waitForSelector(".map-view[data-ready=true]", { timeout: 60_000 });
  await tab.waitForTimeout(2500);
  await context.setOffline(true);
  const lost = await tab.waitForSelector(".live-bar", { timeout: 20_000 }).catch(() => null);
  check("the bar says that the screen is disconnected", lost !== null, "no bar");
  await tab.waitForTimeout(9000);
  await tab.screenshot({ path: `${out}/lost-map.png` });
  check("the map is drained", (await tab.locator(".map-view.drained").count()) === 1, "");
  check("no value looks fresh", (await tab.locator(".value.good").count()) === 0, await tab.locator(".value.good").count());
  const buttons = await tab.locator(".side .btn.pri").evaluateAll((all) => all.map((b) => [b.disabled, b.textContent]));
  check("the answer is disabled and says why", buttons.every(([disabled]) => disabled), JSON.stringify(buttons));
  console.log("    ", buttons.map(([, words]) => words).join(" | "));
  await tab.locator('.rail a[href="/alarms"]').click();
  await tab.waitForTimeout(1500);
  await tab.screenshot({ path: `${out}/lost-alarms.png` });
  await context.setOffline(false);
  await tab.waitForSelector(".live-bar", { state: "detached", timeout: 30_000 }).catch(() => null);
  check("it comes back by itself", (await tab.locator(".live-bar").count()) === 0, "");
} finally {
  await browser.close();
}
process.exitCode = failed > 0 ? 1 : 0;
