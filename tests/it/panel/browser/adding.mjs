// Two gunicorn apps from two folders, without a terminal: one by mouse in English, one by keyboard alone in Chinese.

import { assert, browser, clean, link, open, panel, kill, pm, row, until, violations, writeFileSync } from "./tools.mjs";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";

const { VENV, PORTS } = process.env;
const ports = PORTS.split(",");
const APP = "def app(environ, start_response):\n    start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [b'here is NAME']\n";

for (const name of ["orders", "users"]) {
  mkdirSync(`sites/${name}`, { recursive: true });
  writeFileSync(`sites/${name}/app.py`, APP.replace("NAME", name));
  symlinkSync(VENV, `sites/${name}/.venv`);
}
pm("ping");
const server = await panel("--folders", `${process.cwd()}/sites`);
const chrome = await browser();

/** What it says by itself, asked for without pm. */
const says = (port) => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text(), () => "");

// By mouse.
{
  const { page, faults } = await open(chrome);
  await page.goto(link());
  await page.getByRole("link", { name: "Add a project" }).click();
  await page.getByRole("listitem").filter({ hasText: "orders" }).getByRole("button", { name: "Use" }).click();
  const run = page.getByRole("region", { name: "Run" });
  await run.getByLabel("Port").fill(ports[0]);
  await run.getByLabel("Port").press("Tab");
  const look = page.getByRole("region", { name: "Last look" });
  await look.getByText(`--bind 127.0.0.1:${ports[0]}`).waitFor();
  assert.deepEqual(await violations(page), []);
  const shown = await look.locator("pre").first().textContent();
  await look.getByRole("button", { name: "Set up and start" }).click();
  await page.getByText(`listens on port ${ports[0]}`).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(readFileSync("sites/orders/ecosystem.json5", "utf8"), shown);
  await page.getByText("Back to the list").click();
  await row(page, "orders").getByText("online").waitFor();
  clean(faults);
  await page.close();
}
assert.equal(await says(ports[0]), "here is orders");

// By keyboard alone.
{
  const { page, faults } = await open(chrome, { locale: "zh-CN", width: 1024, height: 768, scheme: "dark" });
  await page.goto(link());
  await row(page, "orders").waitFor();
  /** To the next element that is called so. */
  const to = (name) => until(`the focus is on ${name}`, async () => {
    await page.keyboard.press("Tab");
    return page.evaluate((wanted) => (document.activeElement?.labels?.[0]?.textContent ?? document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "").trim().startsWith(wanted), name);
  });
  await to("添加");
  await page.keyboard.press("Enter");
  await page.getByText("users", { exact: true }).waitFor();
  await to("users");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "最后确认" }).waitFor();
  await to("端口");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(ports[1]);
  await page.keyboard.press("Enter");
  await page.getByText(`--bind 127.0.0.1:${ports[1]}`).waitFor();
  await to("安装并启动");
  await page.keyboard.press("Enter");
  await page.getByText(`正在监听端口 ${ports[1]}`).waitFor();
  clean(faults);
}
assert.equal(await says(ports[1]), "here is users");

await chrome.close();
await kill(server);
