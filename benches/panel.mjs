// What the panel costs: run by benches/panel, beside tools.mjs of the browser's tests.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { BASE, assert, browser, link, open, panel, pm, pmTyped, until, writeFileSync } from "./tools.mjs";

const { PM_HOME, IDLE = "60", LINES = "1000000" } = process.env;
const rows = [];
/** @param {string} what @param {string} floor @param {string} figure */
const tell = (what, floor, figure) => {
  rows.push(`| ${what} | ${floor} | ${figure} |`);
  console.error(`${what}: ${figure}`);
};
const median = (all) => all.toSorted((one, other) => one - other)[all.length >> 1];
const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));
const tasks = (pid) => readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`);
const sum = (all) => all.reduce((before, one) => before + one, 0);
/** Its time on a processor so far, in ms. */
const cpu = (pid) => sum(tasks(pid).map((task) => Number(readFileSync(`${task}/schedstat`, "utf8").split(" ")[0]) / 1e6));
const wakeUps = (pid) => sum(tasks(pid).map((task) => Number(/\nvoluntary_ctxt_switches:\s+(\d+)/.exec(readFileSync(`${task}/status`, "utf8"))[1])));
/** Its share of memory, in MB. */
const pss = (pid) => Number(/\nPss:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]) / 1024;
const daemonPid = () => JSON.parse(pm("ping", "--json")).pid;
/** What a stretch of time cost some processes. */
async function cost(ms, ...pids) {
  const before = pids.map((pid) => [cpu(pid), wakeUps(pid)]);
  await pause(ms);
  return pids.map((pid, nth) => ({ cpu: cpu(pid) - before[nth][0], wakeUps: wakeUps(pid) - before[nth][1] }));
}

/** That many apps in all. */
function apps(count) {
  const all = Array.from({ length: count }, (_, at) => ({ name: `app-${at}`, script: "/bin/sleep", args: "1000000", interpreter: "none", out_file: "/dev/null", error_file: "/dev/null" }));
  writeFileSync("ecosystem.json", JSON.stringify({ apps: all }));
  pm("start", "ecosystem.json");
}

/** A page that notes when its list is filled. */
async function visitor(chrome, count) {
  const { page } = await open(chrome);
  await page.addInitScript((wanted) => {
    const look = () => document.querySelectorAll("tr.row").length >= wanted;
    new MutationObserver((_, watcher) => {
      if (!look()) return;
      watcher.disconnect();
      requestAnimationFrame(() => setTimeout(() => { globalThis.filledAt = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });
  }, count);
  return page;
}
const filled = (page) => page.waitForFunction(() => globalThis.filledAt).then((handle) => handle.jsonValue());

/** All rows stay as they are; which is looked for anew. */
const searched = (at) => {
  const find = document.querySelector("input[data-find]");
  find.value = at % 2 ? "app" : "app-";
  find.dispatchEvent(new Event("input", { bubbles: true }));
};
/** Every row says something else. */
const translated = () => document.getElementById("lang").click();

/** Work of the page for one drawing, in ms: scripts, styles, layout. */
async function drawing(page, times, deed) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const spent = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1000 * sum(metrics.filter((one) => ["ScriptDuration", "LayoutDuration", "RecalcStyleDuration"].includes(one.name)).map((one) => one.value));
  };
  const before = await spent();
  for (let at = 0; at < times; at += 1) {
    await page.evaluate(deed, at);
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  }
  return (await spent() - before) / times;
}

const asked = (page, path, times) => page.evaluate(async ([where, count]) => {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem("pm.key")}` };
  const took = [];
  for (let at = 0; at < count; at += 1) {
    const begin = performance.now();
    const answer = await fetch(where, { headers, cache: "no-store" });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${where}: ${answer.status}`);
    took.push(performance.now() - begin);
  }
  return took;
}, [`api/${path}`, times]);

/** Clicks on a button until the strip tells that the command is over, in ms. */
const restarts = (page, id, times) => page.evaluate(async ([which, count]) => {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem("pm.key")}`, "Content-Type": "application/json" };
  const took = [];
  for (let at = 0; at < count; at += 1) {
    const begin = performance.now();
    const answer = await fetch(`api/apps/${which}/restart`, { method: "POST", headers, body: "{}" });
    const said = await answer.json();
    if (said.exit !== 0) throw new Error(JSON.stringify(said));
    took.push(performance.now() - begin);
  }
  return took;
}, [id, times]);

// Nobody looks, nothing is written down.
pm("ping");
apps(100);
const idle = await panel("--history", "0");
await pause(2_000);
{
  const [quiet] = await cost(Number(IDLE) * 1000, idle.pid);
  tell(`wake-ups in ${IDLE} s, no tab, no history`, "0", `${quiet.wakeUps}`);
  tell("memory, no tab, MB", "6", pss(idle.pid).toFixed(1));
}
const chrome = await browser();
const first = await visitor(chrome, 100);
{
  const session = await first.context().newCDPSession(first);
  await session.send("Network.enable");
  const files = new Map();
  session.on("Network.requestWillBeSent", ({ requestId, request }) => files.set(requestId, { url: request.url, bytes: 0 }));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => { files.get(requestId).bytes = encodedDataLength; });
  await first.goto(link());
  await filled(first);
  const own = [...files.values()].filter((one) => one.bytes > 0 && !one.url.includes("/api/") && !one.url.startsWith("data:"));
  tell("first load: KB as sent, requests", "60, 6", `${(sum(own.map((one) => one.bytes)) / 1024).toFixed(1)}, ${own.length}`);
}
for (const [count, times, filledFloor, drawFloor, askFloor] of [[100, 9, "250", "2", "8"], [1000, 5, "-", "16", "25"]]) {
  if (count > 100) apps(count);
  const page = count === 100 ? first : await visitor(chrome, count);
  if (count > 100) {
    await page.goto(link());
    await filled(page);
  }
  const painted = [];
  const lists = [];
  for (let at = 0; at < times; at += 1) {
    await page.reload();
    lists.push(await filled(page));
    painted.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN));
  }
  tell(`first paint, list filled, ${count} apps, ms`, count === 100 ? `150, ${filledFloor}` : "-", `${median(painted).toFixed(0)}, ${median(lists).toFixed(0)}`);
  tell(`one drawing of ${count} rows, ms`, drawFloor, (await drawing(page, 20, searched)).toFixed(2));
  tell(`one drawing in which all ${count} rows change, ms`, "-", (await drawing(page, 6, translated)).toFixed(2));
  tell(`GET api/apps, ${count} apps, ms`, askFloor, median(await asked(page, "apps", 30)).toFixed(1));
  if (count > 100) await page.context().close();
}
pm("delete", "all");
apps(100);
{
  const { id, name } = JSON.parse(pm("list", "--json"))[0];
  const typed = [];
  for (let at = 0; at < 9; at += 1) {
    const begin = performance.now();
    pm("restart", name);
    typed.push(performance.now() - begin);
  }
  const clicked = median(await restarts(first, id, 9));
  tell("a restart by the page, and what `pm restart` takes, ms", "+ 10", `${clicked.toFixed(1)}, ${median(typed).toFixed(1)}`);
}
{
  const daemon = daemonPid();
  const pages = [first];
  await first.reload();
  await filled(first);
  await pause(2_000);
  const [one] = await cost(10_000, daemon);
  while (pages.length < 5) {
    const page = await visitor(chrome, 100);
    await page.goto(link());
    await filled(page);
    pages.push(page);
  }
  tell("memory with 5 tabs, MB", "10", pss(idle.pid).toFixed(1));
  while (pages.length < 20) {
    const page = await visitor(chrome, 100);
    await page.goto(link());
    await filled(page);
    pages.push(page);
  }
  await pause(2_000);
  const [twenty] = await cost(10_000, daemon);
  tell("CPU of the daemon in 10 s with 1 tab, with 20, ms", "the same", `${one.cpu.toFixed(0)}, ${twenty.cpu.toFixed(0)}`);
  for (const page of pages.slice(1)) await page.context().close();
}
{
  pmTyped("a long enough password\na long enough password\n", "web", "user", "add", "ann");
  let most = 0;
  const before = pss(idle.pid);
  let over = false;
  const signing = fetch(`${BASE}api/session`, { method: "POST", headers: { "Content-Type": "application/json", Origin: BASE.slice(0, -1) }, body: JSON.stringify({ name: "ann", password: "a long enough password" }) }).finally(() => { over = true; });
  while (!over) {
    most = Math.max(most, pss(idle.pid));
    await pause(1);
  }
  assert.equal((await signing).status, 200, await (await signing).text());
  tell("memory of a sign-in by password, MB more", "20", (most - before).toFixed(1));
}
{
  const count = Number(LINES);
  writeFileSync("flood.sh", `read go\nseq -f 'line %g of a log that is as long as usual, GET /orders/17 200 in 3 ms' ${count}\nexec sleep 1000000\n`);
  execFileSync("mkfifo", ["go"]);
  pm("start", "/bin/sh", "--name", "flood", "--", "-c", "exec sh flood.sh < go");
  await first.goto(`${BASE}#/logs?apps=flood`);
  await pause(1_000);
  const begin = performance.now();
  writeFileSync("go", "go\n");
  await first.waitForFunction((last) => document.body.textContent.includes(`line ${last} of`), count >= 1e6 ? `${count / 1e6}e+06` : `${count}`, { polling: 100, timeout: 600_000 });
  const seconds = (performance.now() - begin) / 1000;
  const session = await first.context().newCDPSession(first);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  tell(`log view: lines a second of ${count}, heap after it in MB`, "50,000, 30", `${Math.round(count / seconds)}, ${(usedSize / 1048576).toFixed(1)}`);
  pm("delete", "flood");
}
await chrome.close();
await new Promise((ended) => { idle.once("exit", ended); idle.kill(); });
{
  const writing = await panel("--history", "64M");
  await pause(35_000);
  const [own, daemon] = await cost(60_000, writing.pid, daemonPid());
  tell("CPU in a minute with the history of 100 apps, page and daemon, ms", "15, 15", `${own.cpu.toFixed(0)}, ${daemon.cpu.toFixed(0)}`);
  writing.kill();
}
pm("kill");
console.log(["| what | floor | measured |", "| --- | ---: | ---: |", ...rows].join("\n"));
