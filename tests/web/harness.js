// Starts the real demo and a real browser, and ends both. Found by role and label; a console error fails the test.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const binary = process.env.ANLAN_BIN;
if (!binary) throw new Error("ANLAN_BIN names the anlan binary; run the tests with `make test-web`");

/** Starts `anlan demo` on a free port and waits for its ready line and its accounts. */
export async function startDemo({ enterprises = 10, scenario = "calm" } = {}) {
  const data = await mkdtemp(join(tmpdir(), "anlan-demo-"));
  const child = spawn(
    binary,
    ["demo", "--listen", "127.0.0.1:0", "--data", data, "--enterprises", String(enterprises), "--scenario", scenario],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const errors = [];
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  const accounts = {};
  const url = await new Promise((resolve, reject) => {
    let ready;
    const late = setTimeout(() => reject(new Error(`the demo is not ready after 180 s\n${errors.slice(-40).join("\n")}`)), 180_000);
    child.once("exit", (code) => reject(new Error(`the demo ended with ${code}\n${errors.slice(-40).join("\n")}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const address = line.match(/^Anlan is ready: (http:\S+)$/);
      if (address) ready = address[1];
      const account = line.match(/^account (\S+) (\S+) (\S+)$/);
      if (account) accounts[account[1]] ??= { username: account[2], password: account[3] };
      if (ready && account) {
        clearTimeout(late);
        // The remaining account lines follow at once.
        setTimeout(() => resolve(ready), 200);
      }
    });
  });
  return {
    url,
    accounts,
    async stop() {
      child.removeAllListeners("exit");
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGINT");
      const code = await Promise.race([ended, new Promise((resolve) => setTimeout(() => resolve("late"), 20_000))]);
      if (code === "late") child.kill("SIGKILL");
      await rm(data, { recursive: true, force: true });
      return code;
    },
  };
}

/** Opens a browser whose pages report console errors into `problems`. */
export async function startBrowser() {
  return chromium.launch({
    executablePath: process.env.ANLAN_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--use-angle=swiftshader",
      "--enable-unsafe-swiftshader",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
}

/** A page of its own, with its console errors and failed requests. */
export async function openPage(browser, { width = 1440, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: "zh-CN", timezoneId: "Asia/Shanghai" });
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    const host = new URL(request.url()).hostname;
    if (!["127.0.0.1", "localhost", ""].includes(host)) problems.push(`asks ${host}`);
  });
  return { page, context, problems };
}
