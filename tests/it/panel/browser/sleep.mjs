// A phone that sleeps: a page nobody sees asks for nothing, and shows what is so when it is looked at again.

import { BASE, appendFileSync, assert, browser, clean, kill, link, open, panel, pm, row, until, writeFileSync } from "./tools.mjs";

const LOG = `${process.cwd()}/lines.txt`;
writeFileSync(LOG, "");
pm("start", "tail", "--name", "web", "--", "-n", "+1", "-F", LOG);
pm("start", "tail", "--name", "old", "--", "-F", "/dev/null");
let server = await panel();
const chrome = await browser();
const { page, faults } = await open(chrome, { width: 360, height: 740 });

/** What a phone does to its pages; a browser that is driven from outside never hides one. */
const turn = (hidden) => page.evaluate((is) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => is });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);
const asked = [];
page.on("request", (request) => asked.push(request.url()));
const left = () => page.waitForEvent("requestfailed", (request) => request.url().includes("/api/events"));

await page.goto(link());
await row(page, "web").getByText("online").waitFor();
await page.evaluate(() => { location.hash = "#/logs?apps=web"; });
await page.getByText("live", { exact: true }).waitFor();
appendFileSync(LOG, "before the night\n");
await page.getByRole("log").getByText("before the night").waitFor();

// It sleeps: its stream ends, and whatever happens meanwhile it asks for nothing.
const stream = left();
await turn(true);
await stream;
asked.length = 0;
appendFileSync(LOG, "in the night\n");
pm("delete", "old");
pm("restart", "web");
pm("start", "tail", "--name", "new", "--", "-F", "/dev/null");
assert.deepEqual(asked, []);

// It wakes: what it missed is there once, and the list is the one of now.
await turn(false);
await page.getByRole("log").getByText("in the night").first().waitFor();
appendFileSync(LOG, "in the morning\n");
await page.getByRole("log").getByText("in the morning").waitFor();
await page.evaluate(() => { location.hash = "#/apps"; });
await row(page, "new").waitFor();
assert.equal(await row(page, "old").count(), 0);
assert.equal(asked.filter((url) => url.includes("/api/events")).length > 0, true);
clean(faults, /ERR_ABORTED/);

// It sleeps over the end of the panel and of its session: it says so, and leads back in.
const again = left();
await turn(true);
await again;
await kill(server);
server = await panel();
const sessions = JSON.parse(pm("web", "sessions", "--json"));
for (const { id } of sessions) pm("web", "sessions", "--end", id);
await turn(false);
await page.getByText("Your session has ended").first().waitFor();
await page.goto("about:blank");
await page.goto(link());
await until("in again", async () => (await row(page, "new").count()) === 1);
assert.ok(page.url().startsWith(BASE));
clean(faults, /401|ERR_ABORTED/);
await chrome.close();
await kill(server);
