// One app: its instances, why it is as it is, its last ends, its last lines, and what it was told to be.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { get } from "./api.js";
import { argv, ask, busy, line, mayAct } from "./deeds.js";
import { menuDeeds, statusWord } from "./apps.js";
import { openMenu } from "./dialogs.js";
import { domainsPart } from "./domains.js";
import { bytes, lived, moment, percent, span } from "./format.js";
import { groups, isTrouble, isUp, look as lookOf, tone } from "./groups.js";
import { Lines } from "./lines.js";
import { reason } from "./reasons.js";
import { icon, sign, sparkline } from "./shapes.js";
import { points, redraw, state } from "./state.js";
import { t } from "./words.js";
import { askWhy, whyBox } from "./why.js";

/** @typedef {import("./types.js").Group} Group */

/** What was asked for this page beside the list. @type {{name: string, stamp: string, about: any, ends: any[]|null, silent: boolean, wrong: any}} */
let page = { name: "", stamp: "", about: null, ends: null, silent: false, wrong: null };

/** @param {Group} group */
async function load(group) {
  const mine = page;
  const { id } = group.rows[0];
  try {
    const [about, ends, tail] = await Promise.all([
      get(`apps/${id}`), Promise.all(group.rows.slice(0, 8).map((row) => get(`apps/${row.id}/ends`))), get(`logs?${new URLSearchParams({ apps: group.name, stream: "both", limit: "20" })}`),
    ]);
    if (mine !== page) return;
    page.about = about;
    page.ends = ends.flatMap((one) => one.ends).toSorted((/** @type {any} */ a, /** @type {any} */ b) => b.at_ms - a.at_ms).slice(0, 20);
    page.silent = tail.lines.length === 0;
    redraw();
    requestAnimationFrame(() => requestAnimationFrame(() => showTail(group.name, tail.lines)));
  } catch (error) {
    if (mine === page) page.wrong = error;
  }
  redraw();
}

/** @param {string} name @param {import("./types.js").Line[]} list */
function showTail(name, list) {
  const box = document.getElementById("tail");
  if (!box) return;
  const lines = new Lines(box, () => {});
  lines.apps = [name];
  box.replaceChildren(lines.drawn(list));
  box.scrollTop = box.scrollHeight;
}

/** Asks again when the app has become another: another run, another status. @param {Group} group */
function follow(group) {
  const stamp = group.rows.map((row) => `${row.id} ${row.pid} ${row.status} ${row.restarts}`).join();
  if (page.name === group.name && page.stamp === stamp) return;
  const kept = page.name === group.name ? page : { about: null, ends: null, silent: false };
  page = { name: group.name, stamp, about: kept.about, ends: kept.ends, silent: kept.silent, wrong: null };
  void load(group);
  if (!isFine(group)) void askWhy(group);
}

/** @param {Group} group */
const isFine = (group) => !isTrouble(group) && (group.up > 0 || group.restarts === 0);

/** @param {Group} group */
function buttons(group) {
  if (!mayAct()) return nothing;
  const is = group.up > 0 || tone(group.status) === "passing";
  const deeds = is ? ["restart", "stop"] : ["start", "restart"];
  return html`<div class="deeds">${deeds.map((deed) => html`<button class="plain ${deed}" aria-disabled=${busy.has(group.name) ? "true" : nothing} data-line=${line(argv(deed, [group.name]))} @click=${() => ask(deed, [group.name])}>${icon(deed)}${t(`deed.${deed}`)}</button>`)}
    <button class="plain" aria-haspopup="true" aria-label=${t("list.more", { name: group.name })} @click=${(/** @type {MouseEvent} */ event) => openMenu(event, group.name, menuDeeds(group))}>${icon("more")}</button></div>`;
}

/** @param {Group} group */
function instances(group) {
  return html`<section class="panel"><h2>${t("app.instances")}<a href=${`#/charts/${encodeURIComponent(group.name)}`} data-line=${line(["pm", "history", group.name])}>${t("app.charts")}</a></h2><div class="scroll" tabindex="0" role="group" aria-label=${t("app.instances")}><table class="small">
    <thead><tr><th scope="col">${t("app.id")}</th><th scope="col">${t("list.status")}</th><th scope="col">${t("app.pid")}</th><th scope="col">${t("list.up")}</th><th scope="col">${t("list.cpu")}</th><th scope="col">${t("list.memory")}</th><th scope="col">${t("list.ports")}</th><th scope="col">${t("list.restarts")}</th></tr></thead>
    <tbody>${group.rows.map((row) => html`<tr><th scope="row">${row.id}</th>
      <td><span class="line">${sign(tone(row.status))}<span class="status ${tone(row.status)}">${statusWord(row.status)}</span></span></td>
      <td>${row.pid || "–"}</td><td>${isUp(row.status) && row.since_ms ? span(Date.now() - row.since_ms) : "–"}</td>
      <td><span class="use"><b>${percent(row.cpu)}</b>${isUp(row.status) ? sparkline(points.get(row.id)?.cpu, 10) : nothing}</span></td>
      <td><span class="use"><b>${bytes(row.memory)}</b>${isUp(row.status) ? sparkline(points.get(row.id)?.memory, 1) : nothing}</span></td>
      <td>${(row.ports ?? []).map((port) => `:${port}`).join(" ") || "–"}</td><td>${row.restarts}</td></tr>`)}</tbody></table></div></section>`;
}

function ends() {
  const { ends: list } = page;
  return html`<section class="panel"><h2>${t("app.ends")}</h2>
    ${list === null ? html`<p class="soft">${t("list.loading")}</p>` : list.length === 0 ? html`<p class="soft">${t("app.ends.none")}</p>` : html`<ul class="ends" tabindex="0" aria-label=${t("app.ends")}>
      ${list.map((end) => html`<li><span>${reason(end.why)}</span><small>${moment(end.at_ms)} · ${t("app.lived", { span: lived(end.lived_ms) })}</small></li>`)}</ul>`}</section>`;
}

/** Words of the spec that people look for. @param {any} about @returns {[string, unknown][]} */
function facts(about) {
  const { spec, row } = about;
  const words = (/** @type {any[]|undefined} */ list) => line((list ?? []).map(String));
  return [
    ["script", spec?.script], ["args", words(spec?.args)], ["interpreter", spec?.interpreter], ["cwd", spec?.cwd],
    ["user", row?.user], ["mode", spec?.serving?.mode], ["file", spec?.source], ["version", row?.version],
    ["out", about.out], ["error", about.error === about.out ? null : about.error],
    ["created", row?.created_at ? moment(row.created_at) : null],
  ];
}

function told() {
  const { about, wrong } = page;
  return html`<section class="panel"><h2>${t("app.told")}</h2>
    ${wrong ? html`<p class="note bad" role="alert">${wrong.message} ${wrong.hint ?? ""}</p>` : nothing}
    ${about ? html`<dl>${facts(about).filter(([, value]) => value).map(([key, value]) => html`<div><dt>${t(`fact.${key}`)}</dt><dd>${value}</dd></div>`)}</dl>` : wrong ? nothing : html`<p class="soft">${t("list.loading")}</p>`}</section>`;
}

/** @param {Group} group */
function tail(group) {
  return html`<section class="panel"><h2>${t("app.tail")}<a href=${`#/logs?apps=${encodeURIComponent(group.name)}`} data-line=${line(["pm", "logs", group.name])}>${t("app.tail.all")}</a></h2>
    ${page.silent ? html`<p class="soft">${t("logs.silent")}</p>` : nothing}
    <div class="tail lines" id="tail" tabindex="0" role="group" aria-label=${t("app.tail")}></div></section>`;
}

export function appScreen() {
  const { name } = state.place;
  if (!state.loaded) return html`<h1 tabindex="-1">${name}</h1><div class="waiting"><i></i><i></i></div>`;
  const group = groups().find((one) => one.name === name);
  if (!group) return html`<h1 tabindex="-1">${name}</h1><div class="empty small"><p>${t("app.gone", { name })}</p><a class="plain" href="#/apps">${t("app.back")}</a></div>`;
  follow(group);
  const look = lookOf(group);
  return html`<div class="title app"><a class="back" href="#/apps" aria-label=${t("app.back")} title=${t("app.back")}>${icon("back")}</a>
      <div><h1 tabindex="-1">${group.name}</h1><p class="line">${sign(look)}<span class="status ${look}">${statusWord(group.status)}</span>
        ${group.rows.length > 1 ? html`<span class="tag">${t("list.part", { up: group.up, all: group.rows.length })}</span>` : nothing}
        <span class="tag">${group.namespace}</span>${group.ports.map((port) => html`<span class="tag">:${port}</span>`)}
        ${group.up > 0 && group.since ? html`<span class="soft">${t("app.since", { span: span(Date.now() - group.since) })}</span>` : nothing}</p></div>
      ${buttons(group)}</div>
    ${isFine(group) ? nothing : html`<section class="panel whypanel is-${look}"><h2>${t("app.why")}</h2>${whyBox(group, false)}</section>`}
    ${instances(group)}
    <div class="two">${tail(group)}${ends()}</div>
    ${domainsPart(group)}
    ${told()}`;
}
