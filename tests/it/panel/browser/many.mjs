// A list of a thousand rows: what changes touches its own row, and what is out of view is not drawn for nobody.

import { assert, browser, clean, kill, link, open, panel, pm, row, until, writeFileSync } from "./tools.mjs";

const COUNT = 1000;
const apps = Array.from({ length: COUNT }, (_, at) => ({ name: `app-${at}`, script: "/bin/sh", args: ["-c", "while :; do sleep 0.1; done"], autostart: false }));
writeFileSync("many.json", JSON.stringify({ apps }));
pm("start", "many.json");
const server = await panel("--history", "0");
const chrome = await browser();
const { page, faults } = await open(chrome);
await page.goto(link());
await until("all rows", async () => (await page.locator("tr.row").count()) === COUNT);

// Counts what is touched, by the row it belongs to.
await page.evaluate(() => {
  globalThis.touched = new Map();
  const note = ({ target }) => {
    const at = target instanceof Element ? target : target.parentElement;
    const name = at?.closest("tr")?.dataset.name ?? "the table itself";
    touched.set(name, (touched.get(name) ?? 0) + 1);
  };
  new MutationObserver((news) => news.forEach(note)).observe(document.querySelector("table.list"), { subtree: true, childList: true, attributes: true, characterData: true });
});
/** What has been touched since somebody last asked. */
const touched = () => page.evaluate(() => {
  const all = Object.fromEntries(globalThis.touched);
  globalThis.touched.clear();
  return all;
});

// One that is seen, and one that is far below.
pm("start", "app-3");
await row(page, "app-3").getByText("online").waitFor();
const near = await touched();
assert.deepEqual(Object.keys(near), ["app-3"], JSON.stringify(near));
assert.ok(near["app-3"] < 60, JSON.stringify(near));
pm("start", "app-900");
await row(page, "app-900").getByText("online").waitFor();
const far = Object.keys(await touched());
assert.ok(far.includes("app-900") && far.every((name) => ["app-3", "app-900"].includes(name)), far.join());

// Figures come every second: those of the row in view are drawn, those of the one below are not, until it is looked at.
let seen = 0;
let below = 0;
await until("figures in view", async () => {
  const now = await touched();
  assert.deepEqual(Object.keys(now).filter((name) => !["app-3", "app-900"].includes(name)), []);
  seen += now["app-3"] ?? 0;
  below += now["app-900"] ?? 0;
  return seen >= 12;
});
assert.equal(below, 0);
await row(page, "app-900").scrollIntoViewIfNeeded();
await until("figures once it is looked at", async () => (await touched())["app-900"] > 0);

// The search draws no row anew that stays, and what is gone comes back whole.
await touched();
await page.getByRole("searchbox").fill("app");
await page.getByRole("searchbox").fill("app-");
await until("the search is done", () => page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))));
const searched = await touched();
assert.deepEqual(Object.keys(searched).filter((name) => !["app-3", "app-900"].includes(name)), [], JSON.stringify(searched));
await page.getByRole("searchbox").fill("app-900");
await until("one row", async () => (await page.locator("tr.row").count()) === 1);
await row(page, "app-900").locator(".use").first().waitFor();
await page.getByRole("searchbox").fill("");
await until("all rows again", async () => (await page.locator("tr.row").count()) === COUNT);

// Who hears the page is told of all rows and their cells, of those out of view as well; who walks by keyboard gets there.
const session = await page.context().newCDPSession(page);
const { nodes } = await session.send("Accessibility.getFullAXTree");
const roles = (role) => nodes.filter((node) => !node.ignored && node.role?.value === role).length;
assert.deepEqual([roles("table"), roles("row"), roles("rowheader"), roles("columnheader")], [1, COUNT + 1, COUNT, 7]);
await row(page, "app-998").getByRole("link", { name: "app-998", exact: true }).focus();
await page.keyboard.press("j");
assert.equal(await page.evaluate(() => document.activeElement?.textContent), "app-999");
assert.ok(await page.evaluate(() => document.activeElement.getBoundingClientRect().bottom <= innerHeight));
clean(faults);
await chrome.close();
await kill(server);
pm("kill");
