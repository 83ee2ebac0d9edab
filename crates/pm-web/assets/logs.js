// Logs of several apps, merged by time: what was, page by page, and what comes.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { get, post } from "./api.js";
import { line } from "./deeds.js";
import { groups } from "./groups.js";
import { Lines } from "./lines.js";
import { icon } from "./shapes.js";
import { redraw, state } from "./state.js";
import { t } from "./words.js";

/** @typedef {import("./types.js").Line} Line */

const PAGE = 200;
const SPANS = ["", "5m", "1h", "6h", "1d", "7d"];
const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** When such a span began, in ms since 1970. @param {string} span */
const begin = (span) => Date.now() - Number.parseInt(span, 10) * UNITS[/** @type {"m"|"h"|"d"} */ (span.at(-1))];
/** So many are shown at first if nobody has chosen. */
const FIRST = 6;

/** What is looked at. */
const view = { apps: /** @type {string[]} */ ([]), stream: "both", since: "", grep: "", chosen: false };

/** @type {Lines|null} */
let lines = null;
/** @type {any} */
let wrong = null;
let before = /** @type {string|null} */ (null);
let waits = false;
let any = false;
let shownKey = "";
/** What came live before the first page did. @type {Line[]|null} */
let early = null;
let turn = 0;
/** Another view is wanted, and its first lines have not come. */
let fresh = false;

/** A search, or a time: such lines are asked for by the page; else the stream begins with the last ones. */
const byPage = () => view.grep !== "" || view.since !== "";

/** An app as the server takes it in a list: a name that would be two, or no name, by its numbers. @param {string} name */
function wishes(name) {
  if (!name.includes(",") && !name.startsWith("id:")) return [name];
  return (groups().find((one) => one.name === name)?.rows ?? []).map((row) => `id:${row.id}`);
}

/** What the stream has to tell of logs. @returns {{topics: string[], more: Record<string, string>}} */
export function hears() {
  if (state.place.screen !== "logs" || !state.loaded || view.apps.length === 0) return { topics: [], more: {} };
  const topics = view.apps.flatMap(wishes).map((wish) => `logs:${wish}`);
  return { topics, more: { stream: view.stream, past: byPage() ? "0" : String(PAGE) } };
}

/** The address says what is looked at; without one, the first few apps. */
export function readPlace() {
  const { query } = state.place;
  const named = query.get("apps");
  const list = groups().map((one) => one.name);
  view.chosen = named !== null;
  if (named !== null) view.apps = named.split(",").filter(Boolean).map(decodeURIComponent);
  else view.apps = list.slice(0, FIRST);
  view.stream = query.get("stream") ?? "both";
  view.since = query.get("since") ?? "";
  view.grep = query.get("grep") ?? "";
}

/** @param {Partial<typeof view>} part */
function look(part) {
  Object.assign(view, part);
  const query = new URLSearchParams();
  query.set("apps", view.apps.map(encodeURIComponent).join(","));
  if (view.stream !== "both") query.set("stream", view.stream);
  if (view.since) query.set("since", view.since);
  if (view.grep) query.set("grep", view.grep);
  location.replace(`#/logs?${query}`);
}

/** The command that shows the same. */
export function logsLine() {
  const argv = ["pm", "logs", ...(view.chosen ? view.apps : [])];
  if (view.stream !== "both") argv.push(`--${view.stream}`);
  if (view.since) argv.push("--since", view.since);
  if (view.grep) argv.push("--grep", view.grep);
  return line(argv);
}

/** What is looked at, as the server takes it. */
function asked() {
  const query = new URLSearchParams({ apps: view.apps.flatMap(wishes).join(","), stream: view.stream });
  if (view.grep) query.set("grep", view.grep);
  if (view.since) query.set("since", String(begin(view.since)));
  return query;
}

/** @param {string|null} cursor */
function address(cursor) {
  const query = asked();
  query.set("limit", String(PAGE));
  if (cursor) query.set("before", cursor);
  return `logs?${query}`;
}

/** All that fits as a file: an address that is good once leads there, for a key can't be sent with a link. */
async function fetchAll() {
  try {
    const { path } = await post(`logs/ticket?${asked()}`, {});
    location.assign(path);
  } catch (error) {
    wrong = error;
    redraw();
  }
}

async function first() {
  const mine = (turn += 1);
  early = byPage() ? [] : null;
  fresh = !byPage();
  waits = true;
  wrong = null;
  any = false;
  before = null;
  lines?.clear();
  redraw();
  if (fresh) return;
  try {
    const page = await get(address(null));
    if (mine !== turn) return;
    take(page);
  } catch (error) {
    if (mine !== turn) return;
    wrong = error;
    early = null;
  }
  waits = false;
  redraw();
}

/** @param {{lines: Line[], before: string|null}} page */
function take(page) {
  before = page.before ?? null;
  const live = Lines.without(page.lines, early ?? []);
  early = null;
  any = page.lines.length + live.length > 0;
  lines?.add(page.lines.concat(live));
}

async function older() {
  const mine = turn;
  waits = true;
  redraw();
  try {
    const page = await get(address(before));
    if (mine !== turn) return;
    before = page.before ?? null;
    lines?.addBefore(page.lines);
  } catch (error) {
    wrong = error;
  }
  waits = false;
  redraw();
}

/** The stream has begun: with the last lines, and after a pause with what came meanwhile. @param {any} news */
function begun(news) {
  if (byPage()) return;
  if (fresh) {
    fresh = false;
    waits = false;
    lines?.clear();
    take(news);
  } else if (lines) lines.add(lines.unseen(news.lines));
  redraw();
}

/** What a line must have: the text, or what stands between slashes. @returns {(text: string) => boolean} */
function fitting() {
  const pattern = /^\/(.+)\/$/.exec(view.grep);
  if (!pattern) return (text) => text.includes(view.grep);
  try {
    const wanted = new RegExp(pattern[1]);
    return (text) => wanted.test(text);
  } catch {
    // The server says what is wrong with it.
    return () => false;
  }
}

/** News of logs. @param {any} news */
export function heard(news) {
  if (state.place.screen !== "logs") return;
  if (news.full) return begun(news);
  if (news.skipped > 0) lines?.gap(news.skipped);
  const has = fitting();
  const fits = news.lines.filter((one) => view.apps.includes(one.app)
    && (view.stream === "both" || one.stream === view.stream) && has(one.text));
  if (fits.length === 0) return;
  if (early) {
    early = early.concat(fits).slice(-2 * PAGE);
    return;
  }
  if (!any) redraw();
  any = true;
  lines?.add(fits);
  if (lines && !lines.follows) redraw();
}

/** After each drawing: the box is there, and shows what is wanted. */
export function settleLogs() {
  const box = document.getElementById("lines");
  if (!box || !state.loaded) {
    lines = box ? lines : null;
    if (!box) shownKey = "";
    return;
  }
  if (lines?.box !== box) lines = new Lines(box, redraw);
  if (!view.chosen && view.apps.length === 0) readPlace();
  lines.name(view.apps);
  lines.search = view.grep;
  const key = JSON.stringify([view.apps, view.stream, view.since, view.grep]);
  if (key === shownKey) return;
  shownKey = key;
  if (view.apps.length > 0) void first();
  else lines.clear();
}

function chips() {
  const rest = groups().map((one) => one.name).filter((name) => !view.apps.includes(name));
  const add = (/** @type {any} */ event) => {
    const name = event.target.value;
    event.target.value = "";
    look({ apps: name === "*" ? [...view.apps, ...rest] : [...view.apps, name] });
  };
  return html`<ul class="chips" aria-label=${t("logs.apps")}>
    ${view.apps.map((name, at) => html`<li class="chip hue${at % 8}"><span>${name}</span><button @click=${() => look({ apps: view.apps.filter((one) => one !== name) })} aria-label=${t("logs.remove", { name })} title=${t("logs.remove", { name })}>${icon("close")}</button></li>`)}
    ${rest.length > 0 ? html`<li><label><span class="unseen">${t("logs.add")}</span><select @change=${add}><option value="" selected>${t("logs.add")}</option>
      ${rest.length > 1 ? html`<option value="*">${t("logs.add.all")}</option>` : nothing}${rest.map((name) => html`<option value=${name}>${name}</option>`)}</select></label></li>` : nothing}</ul>`;
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let typing;

function tools() {
  const search = (/** @type {any} */ event) => {
    const grep = event.target.value;
    clearTimeout(typing);
    typing = setTimeout(() => look({ grep }), 300);
  };
  return html`<div class="filters" role="search">
    <label class="find">${icon("search")}<span class="unseen">${t("logs.find")}</span><input data-find type="search" maxlength="200" spellcheck="false" placeholder=${t("logs.find")} .value=${view.grep} @input=${search}><kbd aria-hidden="true">/</kbd></label>
    <div class="segments" role="group" aria-label=${t("logs.stream")}>${["both", "out", "err"].map((one) => html`<button aria-pressed=${String(view.stream === one)} @click=${() => look({ stream: one })}>${t(`logs.${one}`)}</button>`)}</div>
    <label><span class="unseen">${t("logs.since")}</span><select @change=${(/** @type {any} */ event) => look({ since: event.target.value })}>${SPANS.map((one) => html`<option ?selected=${one === view.since} value=${one}>${t(one ? `logs.since.${one}` : "logs.since.all")}</option>`)}</select></label>
    <button class="plain fetch" ?disabled=${view.apps.length === 0} aria-label=${t("logs.fetch")} title=${t("logs.fetch.means")} @click=${fetchAll}>${icon("fetch")}<span>${t("logs.fetch")}</span></button>
  </div>`;
}

/** What stands there if no line does. */
function blank() {
  if (wrong) return html`<div class="empty small"><p class="note bad" role="alert">${wrong.message}<br>${wrong.hint ?? ""}</p><button class="plain" @click=${first}>${t("logs.again")}</button></div>`;
  if (any || waits) return nothing;
  if (view.apps.length === 0) return html`<div class="empty small"><p>${t(groups().length === 0 ? "logs.noapps" : "logs.choose")}</p></div>`;
  return html`<div class="empty small"><p>${t(view.grep || view.since || view.stream !== "both" ? "logs.nothing" : "logs.silent")}</p></div>`;
}

export function logsScreen() {
  const behind = lines?.waiting.length ?? 0;
  return html`<div class="logs"><div class="title"><h1 tabindex="-1">${t("frame.logs")}</h1>${chips()}</div>
    ${tools()}
    <div class="paper">
      ${before && !wrong ? html`<button class="older" ?disabled=${waits} @click=${older}>${t(waits ? "logs.waiting" : "logs.older")}</button>` : nothing}
      ${blank()}
      <div id="lines" class="lines" role="log" aria-live="off" tabindex="0" aria-label=${t("logs.lines")}></div>
      ${lines && !lines.follows ? html`<button class="newer" @click=${() => { lines?.catchUp(); redraw(); }}>${icon("down")}${behind > 0 ? t("logs.newer", { n: behind }) : t("logs.follow")}</button>`
        : html`<span class="live" ?hidden=${view.apps.length === 0}><i aria-hidden="true"></i>${t("logs.live")}</span>`}
    </div></div>`;
}
