// What somebody does with the panel in a day, and what others try with names, lines and signals.

import { readFileSync } from "node:fs";
import { BASE, appendFileSync, assert, browser, clean, kill, link, open, panel, pm, pmTyped, ring, row, until, writeFileSync } from "./tools.mjs";

const HOSTILE = "<img src=x onerror=alert(1)>";
const LOG = `${process.cwd()}/lines.txt`;
const pids = (name) => JSON.parse(pm("jlist")).filter((app) => app.name === name).map((app) => app.pid);
/** Whatever only markup of somebody else could have made. */
const foreign = (page) => page.evaluate(() => document.querySelectorAll("#page img:not([alt='']), #page script, #page iframe, #page [onerror], #page b.evil, #page a[href^='javascript']").length);

pm("ping");
ring("web.0");
let server = await panel("--history", "64M");
const chrome = await browser();
const { page, faults } = await open(chrome);

// By the link, into a home without apps; the link is gone from the address, and the key is in this tab only.
await page.goto(link());
await page.getByRole("heading", { name: "No apps yet" }).waitFor();
assert.equal(await page.evaluate(() => location.hash), "#/apps");
// All of the page is six files.
const files = await page.evaluate(() => performance.getEntries().filter((one) => one.encodedBodySize > 0 && !one.name.includes("/api/")).map((one) => [one.name.split("/").at(-1), one.encodedBodySize]));
const size = files.reduce((all, [, bytes]) => all + bytes, 0);
if (process.env.PICTURES) console.log(size, files);
assert.ok(new Set(files.map(([name]) => name)).size <= 6 && size <= 60 << 10, JSON.stringify(files));
assert.deepEqual(await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]), ["", 0, 1]);

// Apps appear as they are started, whatever they are called.
writeFileSync(LOG, "");
writeFileSync("bot.py", "import nowhere_to_be_found\n");
pm("start", "tail", "--name", "web", "--", "-n", "+1", "-F", LOG);
pm("start", "tail", "--name", "订单服务", "--namespace", "shop", "--", "-F", "/dev/null");
pm("start", "tail", "--name", HOSTILE, "--", "-F", "/dev/null");
try {
  pm("start", "bot.py", "--name", "bot", "--max-restarts", "2", "--min-uptime", "1m", "--wait-ready", "--listen-timeout", "1m");
} catch {
  // It is to fail; how it was told depends on when it did.
}
await row(page, "web").getByText("online").waitFor();
await row(page, "订单服务").getByText("shop").waitFor();
await row(page, HOSTILE).waitFor();
await row(page, "bot").getByText("errored").waitFor();
assert.equal(await foreign(page), 0);

// One that crashes again and again is up in between; its row says more than that.
try {
  pm("start", "/bin/sh", "--name", "loop", "--", "-c", "sleep 1; exit 3");
} catch {
  // Whether it had failed by then.
}
const loop = row(page, "loop").filter({ hasText: "online" });
await loop.filter({ hasText: /runs again after a failure; before that it exited with code 3/ }).waitFor();
assert.equal(await row(page, "loop").locator(".sign.good").count(), 0);
pm("delete", "loop");
await row(page, "loop").waitFor({ state: "detached" });

// Why it is down: in its row, and in detail below.
await row(page, "bot").getByText(/gave up after 2 short runs/).waitFor();
await row(page, "bot").getByRole("button", { name: "Why? bot" }).click();
await page.getByText("No module named 'nowhere_to_be_found'").waitFor();
await row(page, "bot").getByRole("button", { name: "Hide bot" }).click();

// A restart: the line before the click, another process after it.
const before = pids("web");
const restart = row(page, "web").getByRole("button", { name: "Restart web" });
const command = page.locator(".strip code");
await restart.hover();
await until("the line before the click", async () => (await command.textContent()) === "pm restart web");
await restart.click();
await page.locator(".strip").getByText("done").waitFor();
await page.getByRole("heading", { name: "Apps" }).hover();
assert.equal(await command.textContent(), "pm restart web");
assert.notDeepEqual(pids("web"), before);
await page.locator(".strip").getByRole("button", { name: "copy" }).click();
await page.locator(".strip").getByText("copied").waitFor();
assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "pm restart web");

// What fails says how, in the words of pm.
await row(page, "bot").getByRole("button", { name: "Restart bot" }).click();
await page.locator(".strip").getByText(/failed with \d/).waitFor();
await page.locator(".told").getByText("bot").first().waitFor();

// Several at once, with a question first.
for (const name of ["web", "订单服务", HOSTILE]) await page.getByRole("checkbox", { name: `Select ${name}` }).check();
const bulk = page.getByRole("region", { name: "For the selected apps" });
await bulk.getByRole("button", { name: "Stop" }).click();
const dialog = page.getByRole("dialog");
await dialog.getByText(`pm stop 'name:${HOSTILE}' web 订单服务`).waitFor();
await dialog.getByRole("button", { name: "Leave it" }).click();
assert.ok(pids("web")[0] > 0, "somebody who leaves it has not stopped it");
await bulk.getByRole("button", { name: "Stop" }).click();
await dialog.getByRole("button", { name: "Stop" }).click();
for (const name of ["web", "订单服务", HOSTILE]) await row(page, name).getByText("stopped", { exact: true }).waitFor();
assert.match(await command.textContent(), /^pm stop 'name:<img src=x onerror=alert\(1\)>' web /);
await bulk.getByRole("button", { name: "Start", exact: true }).click();
for (const name of ["web", "订单服务", HOSTILE]) await row(page, name).getByText("online", { exact: true }).waitFor();
await bulk.getByRole("button", { name: "Select none" }).click();
await page.locator(".strip").getByText("done").waitFor();

// Filters.
await page.getByRole("button", { name: "Down", exact: true }).click();
await row(page, "web").waitFor({ state: "detached" });
assert.equal(await row(page, "bot").count(), 1);
await page.getByRole("button", { name: "All", exact: true }).click();
await page.getByRole("searchbox").fill("订单");
await row(page, "web").waitFor({ state: "detached" });
await page.getByRole("searchbox").fill("");

// By keyboard alone: search, through the list, into the menu, the question, and out again; then to the logs.
await page.keyboard.press("/");
assert.ok(await page.getByRole("searchbox").evaluate((field) => field === document.activeElement));
await page.keyboard.type("web");
await page.keyboard.press("Escape");
await page.keyboard.press("Escape");
await until("the search is left", () => page.evaluate(() => document.activeElement === document.body || document.activeElement.value === ""));
await page.evaluate(() => document.activeElement.blur());
await page.getByRole("searchbox").fill("");
await page.evaluate(() => document.activeElement.blur());
await row(page, HOSTILE).waitFor();
await page.keyboard.press("j");
const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent);
await until("a row has the focus", async () => (await focused()) === HOSTILE);
for (const name of ["bot", "web"]) {
  await page.keyboard.press("j");
  assert.equal(await focused(), name);
}
const old = pids("web");
await page.keyboard.press("Tab");
assert.equal(await focused(), "Restart web");
await until("the line of what has the focus", async () => (await command.textContent()) === "pm restart web");
await page.keyboard.press("Enter");
await until("another process", () => pids("web")[0] > 0 && pids("web")[0] !== old[0]);
await page.locator(".strip").getByText("done").waitFor();
await row(page, "web").getByText("online", { exact: true }).waitFor();
for (const label of ["Stop web", "Logs of web", "More for web"]) {
  await page.keyboard.press("Tab");
  assert.equal(await focused(), label);
}
await page.keyboard.press("Enter");
await until("the menu has the focus", () => page.evaluate(() => document.activeElement?.closest("#menu") !== null));
await page.keyboard.press("ArrowDown");
await page.keyboard.press("Enter");
await page.getByRole("dialog").getByRole("spinbutton").waitFor();
await page.keyboard.press("Escape");
await page.getByRole("dialog").waitFor({ state: "hidden" });
await page.evaluate(() => document.activeElement.blur());
await page.keyboard.press("?");
await page.getByRole("dialog", { name: "Keys" }).waitFor();
await page.keyboard.press("Escape");
await page.getByRole("dialog").waitFor({ state: "hidden" });
await page.keyboard.press("g");
await page.keyboard.press("l");
await page.getByRole("heading", { name: "Logs" }).waitFor();

// Lines as they come: colours are spans, markup is text, and other escapes are gone.
const lines = page.getByRole("log");
await page.getByText("live", { exact: true }).waitFor();
appendFileSync(LOG, `\x1b[31mred\x1b[0m ${HOSTILE}<b class=evil>\x1b]0;title\x07\x1b[2J <script>alert(2)</script>\n`);
await lines.getByText("<script>alert(2)</script>").waitFor();
assert.equal(await lines.locator(".ink1").last().textContent(), "red");
assert.equal(await foreign(page), 0);
assert.ok(!/[\x00-\x08\x0b-\x1f]/.test(await lines.innerText()), "no escape is left");
appendFileSync(LOG, Array.from({ length: 600 }, (_, at) => `order ${at + 1} of many\n`).join(""));
await lines.getByText("order 600 of many").waitFor();
await page.getByRole("searchbox").fill("order 77 ");
await lines.locator("mark").first().waitFor();
await until("one line fits", async () => (await lines.locator(".line").count()) === 1);
appendFileSync(LOG, "order 77 again\nnot this one\n");
await lines.getByText("again").waitFor();
assert.equal(await lines.locator(".line").count(), 2);
const fetched = page.waitForEvent("download");
await page.getByRole("button", { name: "Download" }).click();
assert.match(readFileSync(await (await fetched).path(), "utf8"), /^[^\n]*order 77 of many\n[^\n]*order 77 again\n$/);
await page.getByRole("searchbox").fill("");
await until("only the last lines", async () => (await lines.locator(".line").count()) > 100);
const few = await lines.locator(".line").count();
await page.getByRole("button", { name: "Older lines" }).click();
await until("older ones", async () => (await lines.locator(".line").count()) > few);
await page.getByRole("button", { name: /To the end|new lines?/ }).click();
await page.getByRole("button", { name: "Errors", exact: true }).click();
await lines.getByText("nowhere_to_be_found").first().waitFor();
assert.equal(await lines.locator(".line.out").count(), 0);

// What one used: the last day, and closer by dragging over a part of it.
await page.goto(`${BASE}#/charts/web?span=1d`);
const canvas = page.locator("#plot-cpu .u-over");
await canvas.waitFor();
const box = await canvas.boundingBox();
await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
await page.mouse.down();
await page.mouse.move(box.x + box.width * 0.7, box.y + 60, { steps: 4 });
await page.mouse.up();
await page.waitForURL(/from=\d+&to=\d+/);
await page.getByText("A point stands for 30s.").waitFor();
await page.getByRole("button", { name: "Table", exact: true }).click();
await page.locator("#plot-cpu").waitFor({ state: "detached" });
await page.getByRole("columnheader", { name: "Most" }).first().waitFor();

// One app, from its name in the list.
await page.keyboard.press("g");
await page.keyboard.press("a");
await page.getByRole("link", { name: "bot", exact: true }).click();
await page.getByRole("heading", { name: "Last ends" }).waitFor();
await page.getByText("exited with code 1").first().waitFor();
await page.getByText("bot.py").first().waitFor();
clean(faults);

// The other language and another look, kept over a reload, in which nobody has to sign in again.
await page.getByRole("button", { name: /Language/ }).click();
await page.getByRole("heading", { name: "最近的结束" }).waitFor();
await page.getByRole("button", { name: "配色：跟随系统" }).click();
await page.getByRole("button", { name: "配色：浅色" }).click();
await page.reload();
await page.getByText("退出码 1").first().waitFor();
assert.deepEqual(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]), ["zh-CN", "dark"]);
await page.getByRole("button", { name: /语言/ }).click();
clean(faults);

// Deleted from its menu: asked before, shown as the line it is, and gone; its log stays.
pm("start", "tail", "--name", "passing", "--", "-F", "/dev/null");
await page.goto(`${BASE}#/apps`);
await row(page, "passing").getByRole("button", { name: "More for passing" }).click();
await page.locator("#menu").getByRole("button", { name: /^Delete/ }).click();
await dialog.getByText("pm delete passing").waitFor();
await dialog.getByRole("button", { name: "Delete" }).click();
await row(page, "passing").waitFor({ state: "detached" });
clean(faults);

// The daemon is killed: the page goes on, and so do the apps.
const survivors = pids("web");
process.kill(JSON.parse(pm("ping", "--json")).pid ?? Number(pm("ping").match(/pid (\d+)/)?.[1]), "SIGKILL");
await page.goto(`${BASE}#/logs?apps=web`);
appendFileSync(LOG, "after the daemon\n");
await page.getByRole("log").getByText("after the daemon").waitFor();
assert.deepEqual(pids("web"), survivors);

// The panel is killed: the page says so, and goes on by itself when there is one again.
await kill(server);
await page.getByText("trying again").waitFor();
appendFileSync(LOG, "while nobody served\n");
server = await panel();
await page.getByText("trying again").waitFor({ state: "detached" });
await page.getByRole("log").getByText("while nobody served").waitFor();
appendFileSync(LOG, "and after\n");
await page.getByRole("log").getByText("and after").waitFor();
assert.equal(await page.getByRole("log").getByText("while nobody served").count(), 1, "nothing is shown twice");
assert.deepEqual(pids("web"), survivors);
clean(faults, /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|net::ERR/);

// Who may only look has nothing to click; and who signs out is out.
const viewer = await open(chrome);
await viewer.page.goto(link("--role", "viewer"));
await row(viewer.page, "web").waitFor();
assert.equal(await viewer.page.locator("tr.row input, tr.row button.act").count(), 0);
const key = await viewer.page.evaluate(() => sessionStorage.getItem("pm.key"));
// The stream is left before the key ends: who goes on listening would be told that the session has.
const silent = viewer.page.waitForEvent("requestfailed", (asked) => asked.url().includes("/api/events"));
await viewer.page.route("**/api/session", async (route) => {
  if (route.request().method() === "DELETE") await silent;
  await route.continue();
});
await viewer.page.getByRole("button", { name: "Sign out" }).click();
await viewer.page.getByText("You have signed out.").waitFor();
const answer = await fetch(`${BASE}api/apps`, { headers: { Authorization: `Bearer ${key}` } });
assert.equal(answer.status, 401);
clean(viewer.faults);

// By name and password; a wrong one says what to do; kept in this browser if asked for.
pmTyped("correct horse\n", "web", "user", "add", "ann", "--role", "operator");
await viewer.page.getByLabel("Name, or a link").fill("ann");
await viewer.page.getByLabel("Password").fill("battery staple");
await viewer.page.getByRole("button", { name: "Sign in" }).click();
await viewer.page.getByRole("alert").getByText("Name or password is wrong.").waitFor();
clean(viewer.faults, /401/);
await viewer.page.getByLabel("Password").fill("correct horse");
await viewer.page.getByLabel("Keep me signed in").check();
await viewer.page.getByRole("button", { name: "Sign in" }).click();
await row(viewer.page, "web").getByRole("button", { name: "Restart web" }).waitFor();
assert.equal(await viewer.page.evaluate(() => localStorage.getItem("pm.key") !== null), true);
clean(viewer.faults);

await chrome.close();
await kill(server);
