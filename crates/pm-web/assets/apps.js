// The list of apps: how each is, why it is down, and what can be done to one or to several.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { repeat } from "./vendor/lit/directives/repeat.js";
import { argv, ask, busy, line, mayAct, mayDelete } from "./deeds.js";
import { openMenu } from "./dialogs.js";
import { bytes, percent, span } from "./format.js";
import { groups, isTrouble, look as lookOf, shown, tone } from "./groups.js";
import { kept } from "./kept.js";
import { reason } from "./reasons.js";
import { icon, sign, sparkline } from "./shapes.js";
import { change, points, redraw, rowsTurn, state } from "./state.js";
import { known, language, t } from "./words.js";
import { toggleWhy, whyBox } from "./why.js";

/** @typedef {import("./types.js").Group} Group */

/** @param {string} status */
export const statusWord = (status) => (known(`status.${status}`) ? t(`status.${status}`) : status);

/** Sums over the instances of what was seen last. @param {Group} group @param {"cpu"|"memory"} what */
function seen(group, what) {
  const lists = group.rows.map((row) => points.get(row.id)?.[what] ?? []);
  const length = Math.max(...lists.map((list) => list.length));
  return Array.from({ length }, (_, at) => lists.reduce((all, list) => all + (list[list.length - length + at] ?? 0), 0));
}

/**
 * A button that is one deed.
 * @param {string} deed
 * @param {Group} group
 */
export function deedButton(deed, group) {
  const label = t("list.deed", { deed: t(`deed.${deed}`), name: group.name });
  return html`<button class="act ${deed}" aria-disabled=${busy.has(group.name) ? "true" : nothing} data-line=${line(argv(deed, [group.name]))}
    aria-label=${label} title=${label} @click=${() => ask(deed, [group.name])}>${icon(deed)}</button>`;
}

/** @param {Group} group @returns {string[]} what stands in its menu */
export const menuDeeds = (group) =>
  [...(group.up > 0 ? ["reload"] : []), "scale", ...(group.up > 0 && group.rows.length === 1 ? ["signal"] : []), "reset", "flush", ...(mayDelete() ? ["delete"] : [])];

/** @param {Group} group */
function acts(group) {
  const logs = t("list.logs", { name: group.name });
  const more = t("list.more", { name: group.name });
  const is = group.up > 0 || group.rows.some((row) => tone(row.status) === "passing");
  return html`<td role="cell" class="acts"><div>
    ${mayAct() ? html`${deedButton("restart", group)}${deedButton(is ? "stop" : "start", group)}` : nothing}
    <a class="act" href=${`#/logs?apps=${encodeURIComponent(group.name)}`} data-line=${line(["pm", "logs", group.name])} aria-label=${logs} title=${logs}>${icon("logs")}</a>
    ${mayAct() ? html`<button class="act" aria-haspopup="true" aria-label=${more} title=${more} @click=${(/** @type {MouseEvent} */ event) => openMenu(event, group.name, menuDeeds(group))}>${icon("more")}</button>` : nothing}
  </div></td>`;
}

/** @param {Group} group */
function pick(group) {
  const toggle = () => {
    if (!state.selected.delete(group.name)) state.selected.add(group.name);
    redraw();
  };
  return html`<td role="cell" class="pick"><input type="checkbox" .checked=${state.selected.has(group.name)} @change=${toggle} aria-label=${t("list.pick", { name: group.name })}></td>`;
}

/** @param {Group} group */
function complaintText(group) {
  if (group.why) return reason(group.why);
  const key = `code.${group.code}`;
  return group.code && known(key) ? t(key, { app: group.waitsFor ?? "" }) : "";
}

/** Why it is not as it should be, in its row. @param {Group} group */
function complaint(group) {
  const text = complaintText(group);
  if (!text) return nothing;
  const open = state.whys.has(group.name);
  const word = t(open ? "list.why.hide" : "list.why");
  return html`<span class="why"><span class="text">${text}</span>
    <button class="link" aria-expanded=${String(open)} data-line=${line(["pm", "why", group.name])} aria-label=${t("list.deed", { deed: word, name: group.name })} @click=${() => toggleWhy(group)}>${word}</button></span>`;
}

/** Names whose rows are out of view. @type {Set<string>} */
const unseen = new Set();
/** Rows whose coming into view is heard of. @type {WeakSet<Element>} */
const watched = new WeakSet();
const view = new IntersectionObserver((news) => {
  for (const { target, isIntersecting } of news) {
    const name = /** @type {HTMLElement} */ (target).dataset.name ?? "";
    if (!isIntersecting) unseen.add(name);
    else if (unseen.delete(name)) redraw();
  }
}, { rootMargin: "200px" });

/** After each drawing: rows that are new. */
export function settleRows() {
  for (const row of document.getElementsByClassName("row")) {
    if (watched.has(row)) continue;
    watched.add(row);
    view.observe(row);
  }
}

/** A row, drawn anew where it shows something else than before; out of view its figures and small charts may be old. @param {Group} group */
function row(group) {
  const { name } = group;
  const steady = [group.stamp, language(), columns(), mayAct(), busy.has(name), state.selected.has(name), state.whys.get(name)];
  return kept(unseen.has(name) ? steady : [...steady, group, age(group), group.up > 0 ? rowsTurn() : 0], () => drawn(group));
}

/** How long it has been up, or when it runs next. @param {Group} group */
const age = (group) => (group.up > 0 && group.since ? span(Date.now() - group.since) : nextRun(group));

/** @param {Group} group */
function drawn(group) {
  const look = lookOf(group);
  const many = group.rows.length > 1;
  const running = group.up > 0;
  return html`<tr role="row" data-name=${group.name} class="row is-${look} ${busy.has(group.name) ? "busy" : ""}">
    ${mayAct() ? pick(group) : nothing}
    <th scope="row" role="rowheader" class="name"><span class="line">${sign(look)}<span class="flow"><a data-walk href=${`#/app/${encodeURIComponent(group.name)}`}>${group.name}</a>
      ${many ? html`<span class="tag" title=${t("list.instances", { n: group.rows.length })}>×${group.rows.length}</span>` : nothing}
      ${group.namespace !== "default" ? html`<span class="tag">${group.namespace}</span>` : nothing}
      <span class="status ${look}">${many && running && group.up < group.rows.length ? t("list.part", { up: group.up, all: group.rows.length }) : statusWord(group.status)}</span></span></span>
      ${running ? complaint(group) : nothing}</th>
    ${!running && complaint(group) !== nothing ? html`<td role="cell" class="reason" colspan=${innerWidth >= 760 ? 4 : 3}>${complaint(group)}</td>` : figures(group)}
    <td role="cell" class="restarts"><span class="label">${t("list.restarts")}</span>${group.restarts}</td>
    ${acts(group)}</tr>
    ${state.whys.has(group.name) ? html`<tr role="row" class="whyrow"><td role="cell" colspan=${columns()}>${whyBox(group)}</td></tr>` : nothing}`;
}

/** What it uses. @param {Group} group */
function figures(group) {
  const running = group.up > 0;
  const ports = group.ports.slice(0, 3).map((port) => `:${port}`).join(" ");
  return html`<td role="cell" class="ports">${ports}${group.ports.length > 3 ? " …" : ""}</td>
    <td role="cell" class="up"><span class="label">${t("list.up")}</span>${age(group)}</td>
    <td role="cell" class="cpu"><span class="label">${t("list.cpu")}</span>${running ? html`<span class="use"><b>${percent(group.cpu)}</b>${sparkline(seen(group, "cpu"), 10)}</span>` : "–"}</td>
    <td role="cell" class="memory"><span class="label">${t("list.memory")}</span>${running ? html`<span class="use"><b>${bytes(group.memory)}</b>${sparkline(seen(group, "memory"), 1)}</span>` : "–"}</td>`;
}

/** Columns that are seen at this width, as in app.css: one that spans more would make room for them. */
function columns() {
  const wide = innerWidth > 1080 ? 8 : innerWidth >= 760 ? 7 : 6;
  return mayAct() ? wide : wide - 1;
}

/** A job says when it runs next. @param {Group} group */
function nextRun(group) {
  const next = group.rows[0].job?.next_ms;
  return next ? t("list.next", { span: span(next - Date.now()) }) : "–";
}

const COLUMNS = [["name", "name"], ["ports", ""], ["up", "since"], ["cpu", "cpu"], ["memory", "memory"], ["restarts", "restarts"]];

/** @param {Group[]} list */
function head(list) {
  const all = list.length > 0 && list.every((one) => state.selected.has(one.name));
  const every = () => {
    list.forEach((one) => (all ? state.selected.delete(one.name) : state.selected.add(one.name)));
    redraw();
  };
  const by = (/** @type {string} */ key) => () => {
    const { filter } = state;
    filter.down = filter.sort === key && !filter.down;
    filter.sort = key;
    redraw();
  };
  const column = ([word, key]) => {
    const sorted = key !== "" && state.filter.sort === key;
    const up = (state.filter.sort === "name") !== state.filter.down;
    return html`<th scope="col" role="columnheader" class=${word} aria-sort=${sorted ? (up ? "ascending" : "descending") : nothing}>
      ${key ? html`<button @click=${by(key)}>${t(`list.${word}`)}${sorted ? html`<span class="order ${up ? "rising" : ""}">${icon("down")}</span>` : nothing}</button>` : t(`list.${word}`)}</th>`;
  };
  return html`<thead role="rowgroup"><tr role="row">
    ${mayAct() ? html`<th role="cell" class="pick"><input type="checkbox" .checked=${all} .indeterminate=${!all && list.some((one) => state.selected.has(one.name))} @change=${every} aria-label=${t("list.pick.all")}></th>` : nothing}
    ${COLUMNS.map(column)}<th scope="col" role="columnheader" class="acts"><span class="unseen">${t("list.acts")}</span></th></tr></thead>`;
}

/** @param {Group[]} all */
function filters(all) {
  const { filter } = state;
  const spaces = [...new Set(all.map((one) => one.namespace))].sort();
  const set = (/** @type {object} */ part) => {
    Object.assign(filter, part);
    redraw();
  };
  return html`<div class="filters" role="search">
    <label class="find">${icon("search")}<span class="unseen">${t("list.find")}</span><input data-find type="search" placeholder=${t("list.find")} .value=${filter.text} @input=${(/** @type {any} */ event) => set({ text: event.target.value })}><kbd aria-hidden="true">/</kbd></label>
    <div class="segments" role="group" aria-label=${t("list.show")}>
      ${["all", "up", "down"].map((one) => html`<button aria-pressed=${String(filter.show === one)} @click=${() => set({ show: one })}>${t(`list.show.${one}`)}</button>`)}</div>
    ${spaces.length > 1 ? html`<label><span class="unseen">${t("list.namespace")}</span><select @change=${(/** @type {any} */ event) => set({ namespace: event.target.value })}>
      <option value="">${t("list.namespace.all")}</option>${spaces.map((one) => html`<option ?selected=${one === filter.namespace} value=${one}>${one}</option>`)}</select></label>` : nothing}
  </div>`;
}

/** @param {Group[]} all */
function summary(all) {
  const up = all.filter((one) => one.up > 0 && !isTrouble(one)).length;
  const bad = all.filter(isTrouble).length;
  const rest = all.length - up - bad;
  return html`<p class="summary">${t("list.count", { n: all.length })}
    ${up > 0 ? html`<span class="good">${t("list.count.up", { n: up })}</span>` : nothing}
    ${bad > 0 ? html`<button class="bad" @click=${() => change({ filter: { ...state.filter, show: "down" } })}>${t("list.count.bad", { n: bad })}</button>` : nothing}
    ${rest > 0 ? html`<span class="soft">${t("list.count.rest", { n: rest })}</span>` : nothing}</p>`;
}

/** @param {Group[]} all */
function bulk(all) {
  const names = all.map((one) => one.name).filter((name) => state.selected.has(name));
  if (names.length === 0) return nothing;
  const none = () => {
    state.selected.clear();
    redraw();
  };
  return html`<div class="bulk" role="region" aria-label=${t("bulk.name")}><b>${t("bulk.count", { n: names.length })}</b>
    ${["restart", "reload", "start", "stop", ...(mayDelete() ? ["delete"] : [])].map((deed) => html`<button class=${["stop", "delete"].includes(deed) ? "plain danger" : "plain"} data-line=${line(argv(deed, names))} @click=${() => ask(deed, names)}>${t(`deed.${deed}`)}</button>`)}
    <a class="plain" href=${`#/logs?apps=${names.map(encodeURIComponent).join(",")}`}>${t("frame.logs")}</a>
    <button class="mini" @click=${none} aria-label=${t("bulk.none")} title=${t("bulk.none")}>${icon("close")}</button></div>`;
}

/** Nothing is there: what to do about it. */
function empty() {
  return html`<div class="empty">${icon("apps")}<h2>${t("empty.title")}</h2><p>${t("empty.text")}</p>
    ${state.adds ? html`<a class="main" href="#/add" data-line="pm add FOLDER">${icon("plus")}${t("add.title")}</a>` : nothing}
    <p>${t("empty.shell")}</p><pre>${t("empty.commands")}</pre><p class="soft">${t("empty.then")}</p></div>`;
}

export function appsScreen() {
  const all = groups();
  const list = shown(all);
  const clear = () => change({ filter: { ...state.filter, text: "", show: "all", namespace: "" } });
  if (!state.loaded) return html`<h1 tabindex="-1">${t("frame.apps")}</h1><div class="waiting" role="status"><span class="unseen">${t("list.loading")}</span>${[1, 2, 3].map(() => html`<i></i>`)}</div>`;
  return html`<div class="title"><h1 tabindex="-1">${t("frame.apps")}</h1>${all.length > 0 ? summary(all) : nothing}
      ${state.adds ? html`<a class="plain add" href="#/add" data-line="pm add FOLDER">${icon("plus")}${t("frame.add")}</a>` : nothing}</div>
    ${all.length === 0 ? empty() : html`${filters(all)}
    ${mayAct() ? bulk(all) : nothing}
    ${list.length === 0 ? html`<div class="empty small"><p>${t("list.nothing")}</p><button class="plain" @click=${clear}>${t("list.nothing.clear")}</button></div>`
      : html`<table role="table" aria-label=${t("frame.apps")} class="list ${mayAct() ? "" : "mute"}">${head(list)}<tbody role="rowgroup">${repeat(list, (one) => one.name, row)}</tbody></table>`}`}`;
}
