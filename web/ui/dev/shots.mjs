// Looks at pages the way a person would: opens them in Chromium against a running center and saves pictures.
//   node dev/shots.mjs BASE_URL OUT_DIR USER PASSWORD name=/path[@WIDTHxHEIGHT][#dark][#en] …
import { chromium } from "playwright-core";

const [base, out, user, password, ...pages] = process.argv.slice(2);
if (!base || !out) throw new Error("usage: node dev/shots.mjs BASE_URL OUT_DIR USER PASSWORD name=/path …");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless=new", "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
});
try {
  for (const page of pages) {
    const [, name, rest] = /^([^=]+)=(.+)$/.exec(page) ?? [];
    if (!name || !rest) throw new Error(`not name=/path: ${page}`);
    const [, path, size = "1440x900", flags = ""] = /^([^@#]+)(?:@(\d+x\d+))?(.*)$/.exec(rest) ?? [];
    const [width, height] = size.split("x").map(Number);
    const context = await browser.newContext({ viewport: { width, height }, locale: "zh-CN", timezoneId: "Asia/Shanghai", colorScheme: flags.includes("#dark") ? "dark" : "light", hasTouch: width < 600 });
    if (flags.includes("#en")) await context.addInitScript(() => localStorage.setItem("anlan.language", "en-US"));
    if (user && user !== "-" && !flags.includes("#out")) {
      const answer = await context.request.post(`${base}/api/v1/session`, { data: { username: user, password } });
      if (!answer.ok()) throw new Error(`sign-in: ${answer.status()} ${await answer.text()}`);
    }
    const tab = await context.newPage();
    const problems = [];
    tab.on("console", (m) => ["error", "warning"].includes(m.type()) && problems.push(m.text()));
    tab.on("pageerror", (e) => problems.push(String(e)));
    tab.on("request", (r) => !r.url().startsWith(base) && !/^(data|blob|ws):/.test(r.url()) && problems.push(`outside: ${r.url()}`));
    await tab.goto(base + path);
    // A touch, as a person would have made at sign-in: sound is allowed then, and the bar that asks for it goes.
    if (user && user !== "-" && !flags.includes("#out")) await tab.waitForSelector(".top", { timeout: 15_000 }).then(() => tab.mouse.click(width / 2, 3)).catch(() => undefined);
    // A map is drawn when its pictures are there; a slow machine takes its time.
    if (path.startsWith("/map")) await tab.waitForSelector(".map-view[data-ready=true]", { timeout: 40_000 }).catch(() => problems.push("the map is not drawn"));
    await tab.waitForTimeout(Number(process.env.WAIT ?? 5000));
    await tab.screenshot({ path: `${out}/${name}.png` });
    const wide = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) problems.push(`scrolls sideways by ${wide} px`);
    console.log(name, problems.length ? problems.slice(0, 8) : "clean");
    await context.close();
  }
} finally {
  await browser.close();
}
