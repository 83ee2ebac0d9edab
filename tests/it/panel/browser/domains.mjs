// A domain for an app, in the page and by a real Caddy: shown, done, removed.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { BASE, assert, browser, clean, link, open, panel, kill, pm, until, violations, writeFileSync } from "./tools.mjs";

const [http, https, admin, app] = process.env.PORTS.split(",");
const here = process.cwd();
mkdirSync("etc");
mkdirSync("site");
writeFileSync("site/index.html", "here is the shop");
writeFileSync("etc/Caddyfile", `{\n\tadmin localhost:${admin}\n\thttp_port ${http}\n\thttps_port ${https}\n\tlocal_certs\n\tskip_install_trust\n\tstorage file_system ${here}/store\n}\nimport pm.d/*.caddy\n`);
const caddy = spawn("caddy", ["run", "--adapter", "caddyfile", "--config", "etc/Caddyfile"], { stdio: "ignore" });
process.on("exit", () => caddy.kill("SIGKILL"));
await until("Caddy listens", () => fetch(`http://localhost:${admin}/config/`).then((answer) => answer.ok, () => false));
pm("serve", "site", app, "--name", "shop");
pm("domain", "add", "first.example.org", "shop", "--config", "etc/Caddyfile", "--yes");
const server = await panel();
const chrome = await browser();

for (const [locale, words] of [
  ["en-GB", { part: "Domains", name: "Domain", server: "Web server", look: "Show what it would do", go: "Write and take over", remove: "Remove", done: "done" }],
  ["zh-CN", { part: "域名", name: "域名", server: "Web 服务器", look: "查看将要做什么", go: "写入并生效", remove: "移除", done: "完成" }],
]) {
  const { page, faults } = await open(chrome, { locale });
  await page.goto(link());
  await page.getByRole("link", { name: "shop", exact: true }).waitFor();
  await page.goto(`${BASE}#/app/shop`);
  const part = page.getByRole("region", { name: words.part });
  await part.getByRole("rowheader", { name: "first.example.org" }).waitFor();
  await part.getByRole("textbox", { name: words.name }).fill("shop.example.org");
  const server = part.getByLabel(words.server);
  // A machine may have a web server of its own.
  if (await server.count()) await server.selectOption(`${here}/etc/Caddyfile`);
  assert.deepEqual(await violations(page), []);
  await part.getByRole("button", { name: words.look }).click();
  await part.getByText(`reverse_proxy 127.0.0.1:${app}`).waitFor();
  await part.getByText("$ caddy reload").waitFor();
  assert.ok(!existsSync("etc/pm.d/pm-shop.example.org.caddy"), "nothing is done before the second button");
  assert.deepEqual(await violations(page), []);
  await part.getByRole("button", { name: words.go }).click();
  await part.getByRole("rowheader", { name: "shop.example.org" }).waitFor();
  assert.match(await page.locator(".strip code").textContent(), /^pm domain add --config=.* --yes -- shop.example.org shop$/);
  assert.ok(existsSync("etc/pm.d/pm-shop.example.org.caddy"));

  // What can't be done says why, in pm's own words.
  await part.getByRole("textbox", { name: words.name }).fill("shop.example.org");
  if (await server.count()) await server.selectOption(`${here}/etc/Caddyfile`);
  await part.getByRole("button", { name: words.look }).click();
  await part.getByRole("alert").getByText("leads to shop already").waitFor();
  clean(faults, /status of 400/);

  const row = part.getByRole("row").filter({ hasText: "shop.example.org" });
  await row.getByRole("button", { name: words.remove }).click();
  await part.getByRole("button", { name: words.remove, exact: true }).click();
  await row.waitFor({ state: "detached" });
  assert.ok(!existsSync("etc/pm.d/pm-shop.example.org.caddy"));
  clean(faults);
  await page.close();
}
await kill(server);
await kill(caddy);
await chrome.close();
pm("kill");
