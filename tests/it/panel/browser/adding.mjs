// Two gunicorn apps from two folders, without a terminal: one by mouse in English, one by keyboard alone in Chinese.

import { assert, browser, clean, elsewhere, link, open, panel, kill, pm, row, until, violations, writeFileSync } from "./tools.mjs";
import { mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";

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

/** What the page has shown: the line a button would run, and the one that was run. */
const shown = { before: [], after: [] };
/** What the strip says of a button that has been looked at: it is drawn with the next frame, which may take its time. */
const strip = async (page, button) => {
  const line = await button.getAttribute("data-line");
  await until(`the strip says ${line}`, async () => (await page.locator(".strip code").textContent()) === line);
  return line;
};
const ran = async (page) => (await page.locator("main code").filter({ hasText: /^\$ pm start/ }).textContent()).replace("$ ", "");

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
  const file = await look.locator("pre").first().textContent();
  const start = look.getByRole("button", { name: "Set up and start" });
  await start.hover();
  shown.before.push(await strip(page, start));
  await start.click();
  await page.getByText(`listens on port ${ports[0]}`).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(readFileSync("sites/orders/ecosystem.json5", "utf8"), file);
  shown.after.push(await ran(page));
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
  shown.before.push(await strip(page, page.getByRole("button", { name: "安装并启动" })));
  await page.keyboard.press("Enter");
  await page.getByText(`正在监听端口 ${ports[1]}`).waitFor();
  shown.after.push(await ran(page));
  clean(faults);
}
assert.equal(await says(ports[1]), "here is users");

await chrome.close();
await kill(server);

// Who types what was shown has the same: files, list, and what PM2's users read.
const files = () => ["orders", "users"].map((name) => readFileSync(`sites/${name}/ecosystem.json5`, "utf8"));
/** Other from run to run: who it is, when, and what it uses. Where a home lies is said by its name. */
const PASSING = new Set(["pid", "pids", "pm_pid_path", "since", "started_at", "created_at", "pm_uptime", "monit", "usage", "unique_id", "key"]);
const lasting = (text, root) => JSON.parse(text.replaceAll(root, "HOME"), (key, value) => (PASSING.has(key) ? undefined : value));
const settled = (call, names) => until(`${names} are set up and up`, () => {
  const rows = JSON.parse(call("list", "--json"));
  return names.every((name) => rows.some((one) => one.name === name && one.status === "online")) && rows.every((one) => names.includes(one.name) || one.status === "stopped");
});
/** Everything of a home that is to be equal. */
const state = (call, root) => [["list", "--json"], ["jlist"]].map((words) => lasting(call(...words), root));
/** Who comes first has another number where nobody came before. */
const numberless = (row) => JSON.parse(JSON.stringify(row, (key, value) => (["id", "pm_id"].includes(key) ? undefined : value)));

await settled(pm, ["orders", "users"]);
const known = { files: files(), all: state(pm, process.env.PM_HOME) };
pm("kill");
for (const [name, lines, fits, more] of [
  ["second", shown.after, undefined, ""],
  // What the button says before the click: the same but for the job that does it.
  ["third", shown.before, (one) => !one.name.startsWith("setup-"), " --yes"],
]) {
  const home = elsewhere(name);
  for (const folder of ["orders", "users"]) rmSync(`sites/${folder}/ecosystem.json5`);
  for (const [at, line] of lines.entries()) {
    home.typed(line + more);
    await settled(home.pm, ["orders", "users"].slice(0, at + 1));
  }
  assert.deepEqual(files(), known.files);
  const [has, want] = [state(home.pm, home.root), known.all].map((lists) => (fits ? lists.map((rows) => rows.filter(fits).map(numberless)) : lists));
  assert.deepEqual(has, want, name);
  assert.equal(await says(ports[0]), "here is orders");
  home.pm("kill");
}
