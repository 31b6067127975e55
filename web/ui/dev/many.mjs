// The map with ten thousand pieces of equipment: what it costs to build, how many elements stand in the page, and how a pan runs.
//   node dev/many.mjs BASE_URL OUT_DIR USER PASSWORD [COUNT]
// The equipment is made up here and laid over the center's answer; the center is not touched.
import { chromium } from "playwright-core";

const [base, out, user, password, count = "10000"] = process.argv.slice(2);
if (!base || !out || !user || !password) throw new Error("usage: node dev/many.mjs BASE_URL OUT_DIR USER PASSWORD [COUNT]");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
});
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "zh-CN", timezoneId: "Asia/Shanghai" });
  const answer = await context.request.post(`${base}/api/v1/session`, { data: { username: user, password } });
  if (!answer.ok()) throw new Error(`sign-in: ${answer.status()}`);
  const { items: regions } = await (await context.request.get(`${base}/api/v1/regions`)).json();
  const { items: enterprises } = await (await context.request.get(`${base}/api/v1/enterprises`)).json();
  const { longitude, latitude } = regions.at(-1);
  const side = Math.ceil(Math.sqrt(Number(count)));
  const kinds = ["tank", "tank", "tank", "sphere", "htank", "unit"];
  const made = Array.from({ length: Number(count) }, (_, i) => ({
    id: `${enterprises[i % enterprises.length].code}.X-${i}`, tag: `X-${i}`, enterprise: enterprises[i % enterprises.length].code, hazard: null, kind: kinds[i % kinds.length], name: { zh: "储罐", en: "Tank" },
    medium: null, cas: null, volume_m3: 100, longitude: longitude + ((i % side) / side - 0.5) * 0.024, latitude: latitude + (Math.floor(i / side) / side - 0.5) * 0.016, rollup: null, version: 1,
  }));
  const tab = await context.newPage();
  const problems = [];
  tab.on("console", (m) => m.type() === "error" && problems.push(m.text()));
  await tab.route("**/api/v1/equipment?*", (route) => route.fulfill({ json: { items: made, next_cursor: null } }));

  for (const [name, size] of [["few", 1], ["many", Number(count)]]) {
    await tab.unroute("**/api/v1/equipment?*");
    await tab.route("**/api/v1/equipment?*", (route) => route.fulfill({ json: { items: made.slice(0, size), next_cursor: null } }));
    const start = Date.now();
    // The kinds of tanks show from zoom 14 when they are asked for by name.
    await tab.goto(`${base}/map?kind=tank&focus=${longitude},${latitude}`);
    await tab.waitForSelector(".map-view[data-ready=true]", { timeout: 90_000 });
    await tab.waitForTimeout(4000);
    for (let i = 0; i < 3; i++) {
      await tab.locator(".map-zoom button").nth(2).click();
      await tab.waitForTimeout(700);
    }
    const ready = Date.now() - start;
    await tab.mouse.move(500, 450);
    await tab.mouse.down();
    const frames = tab.evaluate(() => new Promise((done) => {
      const gaps = [];
      let last = performance.now();
      const end = last + 3000;
      const step = (now) => {
        gaps.push(now - last);
        last = now;
        if (now < end) requestAnimationFrame(step);
        else done(gaps);
      };
      requestAnimationFrame(step);
    }));
    for (let i = 0; i < 30; i++) {
      await tab.mouse.move(500 - i * 6, 450 + (i % 5) * 4);
      await tab.waitForTimeout(80);
    }
    const gaps = (await frames).sort((a, b) => a - b);
    await tab.mouse.up();
    const elements = await tab.evaluate(() => ({ page: document.querySelectorAll("*").length, map: document.querySelectorAll(".map-view *").length }));
    await tab.waitForTimeout(1500);
    await tab.screenshot({ path: `${out}/markers-${name}.png` });
    console.log(name, { symbols: size, elements, frames: gaps.length, medianMs: Math.round(gaps[Math.floor(gaps.length / 2)]), p95Ms: Math.round(gaps[Math.floor(gaps.length * 0.95)]), readyMs: ready });
  }
  console.log(problems.length ? problems.slice(0, 5) : "clean");
} finally {
  await browser.close();
}
