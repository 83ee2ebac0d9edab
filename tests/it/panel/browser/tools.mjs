// What the scripts share: pm, the panel, a browser, and waiting for facts.

import { execFileSync, spawn } from "node:child_process";
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import axe from "axe-core";
import { chromium } from "playwright-core";

export { assert, appendFileSync, writeFileSync };

const { PM, PORT, CHROMIUM } = process.env;
export const BASE = `http://127.0.0.1:${PORT}/`;
/** Far more than anything should take. */
const PATIENCE = Number(process.env.PATIENCE ?? 60_000);

/** Homes beside the test's own; who fails leaves none behind. */
const others = [];

/** Another home: what is typed there, in a shell, as it stands in the page, and what pm prints. */
export function elsewhere(name) {
  const folder = `${process.cwd()}/${name}`;
  mkdirSync(folder);
  const env = { ...process.env, PM_HOME: `${folder}/home` };
  const run = (program, args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], cwd: folder, env });
  const home = { root: env.PM_HOME, typed: (line) => run("sh", ["-c", `pm() { "$PM" "$@"; }\n${line}`]), pm: (...args) => run(PM, args) };
  others.push(home);
  return home;
}

/** Runs pm; what it prints. */
export function pm(...args) {
  return execFileSync(PM, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** The same for what is typed in. */
export const pmTyped = (input, ...args) => execFileSync(PM, args, { encoding: "utf8", input });

/** Waits for a fact; what it was. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `never came: ${what}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** The panel, in the foreground of its own process. */
export async function panel(...more) {
  const child = spawn(PM, ["web", "--foreground", "--listen", `127.0.0.1:${PORT}`, ...more], { stdio: ["ignore", "ignore", "inherit"] });
  children.push(child);
  await until("the panel listens", () => fetch(`${BASE}healthz`).then((answer) => answer.ok, () => false));
  return child;
}

/** A history of 400 days in the file of an instance: waves, an hour nobody looked, one busy moment, restarts (crates/pm-web/src/ring.rs). */
export function ring(name) {
  const bytes = Buffer.alloc(235_072);
  const now = Math.floor(Date.now() / 30_000);
  bytes.write("pmhist1\n");
  bytes.writeBigUInt64LE(BigInt(now), 8);
  bytes.writeBigUInt64LE(BigInt(now) ^ 0xffff_ffff_ffff_ffffn, 16);
  const used = (at) => ({ cpu: 120 + 90 * Math.sin(at / 400) + (at % 7) * 9, memory: (80 + 30 * Math.sin(at / 900) + (at % 240) / 12) * 1024 });
  const tiers = [[64, 1, 2880, 8], [23_104, 10, 4032, 24], [119_872, 240, 4800, 24]];
  for (const [begin, steps, places, size] of tiers) {
    const newest = Math.floor(now / steps);
    for (let place = newest - places + 1; place <= newest; place += 1) {
      const at = begin + (place % places) * size;
      const age = (newest - place) * steps;
      if (age > 240 && age < 360) continue;
      const { cpu, memory } = used(place * steps);
      const busy = age >= 100 && age < 110;
      if (size === 8) {
        bytes.writeUInt16LE(Math.round(busy ? 950 : cpu), at);
        bytes.writeUInt32LE(Math.round(memory), at + 2);
        bytes.writeUInt16LE(2, at + 6);
        continue;
      }
      [cpu * 0.6, cpu, busy ? 950 : cpu * 1.5].forEach((value, nth) => bytes.writeUInt16LE(Math.round(value), at + 2 * nth));
      [memory * 0.95, memory, memory * 1.1].forEach((value, nth) => bytes.writeUInt32LE(Math.round(value), at + 6 + 4 * nth));
      [place % 50 === 0 ? 1 : 0, steps, 2].forEach((value, nth) => bytes.writeUInt16LE(value, at + 18 + 2 * nth));
    }
  }
  mkdirSync(`${process.env.PM_HOME}/web/history`, { recursive: true, mode: 0o700 });
  writeFileSync(`${process.env.PM_HOME}/web/history/${name}`, bytes);
}

/** Ends a child at once, and waits for its end. */
export function kill(child) {
  return new Promise((ended) => {
    child.once("exit", ended);
    child.kill("SIGKILL");
  });
}

/** An address that lets in once. */
export const link = (...args) => JSON.parse(pm("web", "link", "--json", ...args)).url;

export const browser = () =>
  chromium.launch({ executablePath: CHROMIUM, args: process.getuid() === 0 ? ["--no-sandbox"] : [], timeout: PATIENCE });

/** All that were opened: what they show is told when something fails. */
const opened = [];
/** Panels; who fails leaves none behind. */
const children = [];

process.on("uncaughtException", async (error) => {
  console.error(error);
  for (const { page, faults } of opened) {
    console.error(page.url(), "\n", faults, "\n", await page.innerText("body").catch(String));
  }
  children.forEach((child) => child.kill("SIGKILL"));
  for (const home of others) {
    try {
      console.error(home.pm("list"), home.pm("logs", "--nostream", "--lines", "30"), readFileSync(`${home.root}/pm.log`, "utf8"));
      home.pm("kill");
    } catch { /* it did not come that far */ }
  }
  process.exit(1);
});

/**
 * A page, and what is wrong with it: errors of its console, of its scripts, and whatever it asks others for.
 */
export async function open(of, { width = 1440, height = 900, scheme = "light", locale = "en-GB" } = {}) {
  const context = await of.newContext({ viewport: { width, height }, colorScheme: scheme, locale });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: BASE });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const faults = [];
  page.on("console", (said) => {
    if (["error", "warning"].includes(said.type())) faults.push(`${said.text()} (${said.location().url})`);
  });
  page.on("pageerror", (error) => faults.push(error.stack ?? error.message));
  page.on("dialog", (dialog) => {
    faults.push(`a dialog of the browser: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(BASE) && !request.url().startsWith("data:")) faults.push(`asked others: ${request.url()}`);
  });
  opened.push({ page, faults });
  return { context, page, faults };
}

/** That nothing has been wrong; `but` is what this part of the story has to bring about. */
export function clean(faults, but = /^$/) {
  const wrong = faults.filter((fault) => !but.test(fault));
  assert.deepEqual(wrong, []);
  faults.length = 0;
}

/** What axe has against the page as it stands, in words. */
export async function violations(page) {
  // Not as a script of the page: its policy would not let it in.
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("\n  ")}`);
}

/** The row of an app in the list. */
export const row = (page, name) => page.locator("tr.row").filter({ has: page.getByRole("link", { name, exact: true }) });
