// Each screen at each width, in both languages, light and dark: nothing runs out of the page, and axe has nothing to say.

import { assert, browser, clean, kill, link, open, panel, pm, ring, violations, writeFileSync } from "./tools.mjs";
import { mkdirSync } from "node:fs";

const { PICTURES } = process.env;
/** Every pair of width, scheme and language is among them. */
const LOOKS = [
  [1440, 900, "light", "zh-CN"], [1440, 900, "dark", "en-GB"], [768, 1024, "light", "en-GB"],
  [768, 1024, "dark", "zh-CN"], [360, 740, "light", "zh-CN"], [360, 740, "dark", "en-GB"],
];

writeFileSync("bot.py", "import nowhere_to_be_found\n");
writeFileSync("lines.py", "import time\nfor at in range(40):\n    print(f'\\033[32mGET\\033[0m /orders/{at} \\033[33m200\\033[0m', flush=True)\ntime.sleep(1e6)\n");
pm("start", "lines.py", "--name", "shop-api", "--namespace", "shop", "-i", "2");
pm("start", "lines.py", "--name", "订单服务-with-quite-a-long-name-for-a-row");
writeFileSync("ecosystem.json5", "{ apps: [{ name: 'mailer', script: 'lines.py', args: '-u' }], alerts: { restarts: '3 in 5m', quiet: '23:00-07:00', channels: { ops: { kind: 'slack', url: 'https://chat.example.org/hooks/key' }, 值班: { kind: 'telegram', url: 'https://bots.example.org', secret: '1:x', chat: -1001234 } } } }\n");
pm("start", "ecosystem.json5");
try {
  pm("start", "bot.py", "--name", "bot", "--max-restarts", "2");
} catch {
  // It is to fail.
}

ring("shop-api.0");
ring("shop-api.1");
const ago = (minutes) => Date.now() - minutes * 60_000;
writeFileSync(`${process.env.PM_HOME}/web/alerts-seen.jsonl`, [[105, "memory", true, "112M > 100M"], [70, "memory", false, ""], [40, "errored", true, "exit 1, 16 short runs"]]
  .map(([at, rule, raised, detail]) => `${JSON.stringify({ at_ms: ago(at), app: "shop-api", slot: 0, rule, is_raised: raised, detail })}\n`).join(""));
const server = await panel("--history", "64M");
const chrome = await browser();

async function look(page, name) {
  // The fonts and the frame are there; what moves is not looked at.
  await page.evaluate(() => document.fonts.ready);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} is ${wide} px too wide`);
  assert.deepEqual(await violations(page), [], name);
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}/${name}.png` });
}

for (const [width, height, scheme, locale] of LOOKS) {
  const { context, page, faults } = await open(chrome, { width, height, scheme, locale });
  const name = (screen) => `${screen}-${width}-${scheme}-${locale.slice(0, 2)}`;
  await page.goto(link().split("#")[0]);
  await page.locator("form").waitFor();
  await look(page, name("signin"));
  await page.goto(link());
  await page.locator("tr.row.is-bad .why button").click();
  await page.getByText("nowhere_to_be_found").first().waitFor();
  await page.locator("tr.row input").first().check();
  await page.locator(".machine .meter").first().waitFor();
  assert.equal(await page.locator(".bar.root").count(), process.getuid() === 0 ? 1 : 0);
  await look(page, name("apps"));
  await page.locator(".bulk button.danger").first().click();
  await page.locator("dialog[open]").waitFor();
  await look(page, name("question"));
  await page.keyboard.press("Escape");
  await page.evaluate(() => { location.hash = "#/app/bot"; });
  await page.locator(".ends li").first().waitFor();
  await page.locator("dl div").first().waitFor();
  await look(page, name("app"));
  await page.evaluate(() => { location.hash = "#/charts/shop-api"; });
  await page.locator(".plot canvas").nth(1).waitFor();
  await page.locator(".alerted tbody tr").nth(1).waitFor();
  await look(page, name("charts"));
  await page.getByRole("button", { name: /^(Table|表格)$/ }).click();
  await page.locator(".figures tr").nth(60).waitFor();
  await look(page, name("table"));
  await page.getByRole("button", { name: /^(Chart|图)$/ }).click();
  await page.evaluate(() => { location.hash = "#/logs"; });
  await page.locator("#lines .line").nth(40).waitFor();
  await look(page, name("logs"));
  await page.evaluate(() => { location.hash = "#/alerts"; });
  await page.locator(".access .tick").nth(3).waitFor();
  await look(page, name("alerts"));
  await page.evaluate(() => { location.hash = "#/settings"; });
  await page.locator(".access").nth(2).waitFor();
  await look(page, name("access"));
  clean(faults);
  await context.close();
}

await chrome.close();
await kill(server);
