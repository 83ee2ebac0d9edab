// Domains of an app: which there are, and one more or less; its file and the commands are shown before anything is done.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { get, post } from "./api.js";
import { line } from "./deeds.js";
import { change, redraw, state } from "./state.js";
import { t } from "./words.js";

/** @typedef {import("./types.js").Group} Group */

/** @type {any} what `pm domain list` says */
let known = null;
/** @type {string|null} the app it was asked for */
let asked = null;
/** @type {any} what was looked at: the change, and what it would do */
let plan = null;
/** @type {any} */
let wrong = null;
let waits = false;

async function load() {
  try {
    known = await get("domains");
  } catch (error) {
    wrong = error;
  }
  redraw();
}

/** What was being looked at is forgotten with the page. */
export function leaveDomains() {
  asked = null;
  known = plan = wrong = null;
}

/** Asks what a change would do. @param {any} wish */
async function look(wish) {
  waits = true;
  plan = wrong = null;
  redraw();
  try {
    plan = { ...(await post("domains/plan", wish)), wish };
  } catch (error) {
    wrong = error;
  }
  waits = false;
  redraw();
}

/** Does what was looked at. */
async function go() {
  const { wish, token, argv } = plan;
  waits = true;
  wrong = null;
  const show = (/** @type {object} */ more) => change({ strip: { argv, ...more } });
  show({ phase: "running" });
  try {
    const outcome = await post("domains", { ...wish, token });
    show({ ...outcome, phase: "done" });
    if (outcome.exit === 0) plan = null;
    else wrong = { message: (outcome.err || outcome.out).trim(), hint: null };
  } catch (error) {
    wrong = error;
    show({ phase: "refused", message: wrong.message, hint: wrong.hint });
  }
  waits = false;
  await load();
}

/** @param {SubmitEvent} event @param {Group} group */
function add(event, group) {
  event.preventDefault();
  const given = new FormData(/** @type {HTMLFormElement} */ (event.target));
  const [name, port, config] = ["name", "port", "config"].map((key) => String(given.get(key) ?? "").trim());
  void look({ deed: "add", name, app: group.rows[0].id, ...(port && { port: Number(port) }), ...(config && { config }) });
}

/** @param {any} one */
const row = (one) => html`<tr><th scope="row">${one.name}</th><td>${one.to}</td><td><code>${one.file}</code>${one.note ? html` <span class="bad">${t(one.note === "no app" ? "domain.noapp" : "domain.unfinished")}</span>` : nothing}</td>
  <td class="end"><button class="link" data-line=${line(["pm", "domain", "remove", "--", one.name])} @click=${() => look({ deed: "remove", name: one.name })}>${t("domain.remove")}<span class="unseen"> ${one.name}</span></button></td></tr>`;

function planned() {
  return html`<p class="over">${t(plan.text ? "domain.writes" : "domain.takes")} <code>${plan.file}</code></p>
    ${plan.text ? html`<pre class="would" tabindex="0" aria-label=${t("domain.writes")}>${plan.text}</pre>` : nothing}
    <p class="over">${t("add.runs")}</p><pre class="would" tabindex="0" aria-label=${t("add.runs")}>${plan.commands.map((/** @type {string[]} */ argv) => `$ ${line(argv)}\n`)}</pre>
    ${plan.sudo ? html`<p class="note">${t("domain.root")}</p><pre class="would" tabindex="0" aria-label=${t("domain.root")}>${plan.sudo}</pre>` : nothing}
    <div class="buttons"><button class="plain" @click=${() => {
      plan = wrong = null;
      redraw();
    }}>${t("ask.no")}</button>${plan.sudo ? nothing : html`<button class="main" ?disabled=${waits} data-line=${line(plan.argv)} @click=${go}>${t(plan.text ? "domain.go" : "domain.remove")}</button>`}</div>`;
}

/** @param {Group} group */
function form(group) {
  const proxies = known.proxies ?? [];
  return html`<form @submit=${(/** @type {SubmitEvent} */ event) => add(event, group)}>
    <label class="field"><span>${t("domain.name")}</span><input name="name" required placeholder="shop.example.org" autocomplete="off" autocapitalize="none" spellcheck="false"></label>
    <label class="field"><span>${t("list.ports")}</span><input name="port" type="number" min="1" max="65535" placeholder=${group.ports.length === 1 ? group.ports[0] : ""}></label>
    ${proxies.length > 1 ? html`<label class="field"><span>${t("domain.proxy")}</span><select name="config">${proxies.map((/** @type {any} */ one) => html`<option value=${one.config}>${one.proxy} (${one.config})</option>`)}</select></label>` : nothing}
    <button class="plain" ?disabled=${waits} data-line=${line(["pm", "domain", "add", "--dry-run", "--", "DOMAIN", group.name])}>${t("domain.look")}</button></form>`;
}

/** For who may add one. @param {Group} group */
export function domainsPart(group) {
  if (!state.adds) return nothing;
  if (asked !== group.name) {
    leaveDomains();
    asked = group.name;
    void load();
  }
  const own = (known?.domains ?? []).filter((/** @type {any} */ one) => one.app === group.name);
  return html`<section class="panel access" aria-label=${t("domain.title")}><h2>${t("domain.title")}</h2>
    <p class="soft">${t("domain.means")}</p>
    ${own.length > 0 ? html`<div class="scroll" tabindex="0" role="group" aria-label=${t("domain.title")}><table class="small"><thead><tr><th scope="col">${t("domain.name")}</th><th scope="col">${t("domain.to")}</th><th scope="col">${t("domain.file")}</th><th><span class="unseen">${t("list.acts")}</span></th></tr></thead><tbody>${own.map(row)}</tbody></table></div>` : nothing}
    ${plan ? planned() : known ? form(group) : nothing}
    ${wrong ? html`<p class="note bad said" role="alert">${wrong.message}${wrong.hint ? html`<br>${wrong.hint}` : nothing}</p>` : nothing}</section>`;
}
