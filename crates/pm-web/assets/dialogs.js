// Questions before something is stopped or deleted, the menu of a row, and the table of keys.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { argv, ask, line, run } from "./deeds.js";
import { groups } from "./groups.js";
import { KEYS } from "./keys.js";
import { change, redraw, state } from "./state.js";
import { t } from "./words.js";

const SIGNALS = ["HUP", "USR1", "USR2", "INT", "TERM", "QUIT", "CONT", "WINCH", "KILL"];

const close = () => change({ asking: null });

/** @param {any} asking */
function field(asking) {
  const set = (/** @type {any} */ event) => {
    asking.value = event.target.value;
    redraw();
  };
  if (asking.deed === "scale") {
    return html`<label class="field"><span>${t("ask.scale.to")}</span>
      <input type="number" min="1" max="512" required .value=${asking.value} @input=${set}></label>`;
  }
  if (asking.deed === "signal") {
    return html`<label class="field"><span>${t("ask.signal.which")}</span>
      <select @change=${set}>${SIGNALS.map((one) => html`<option ?selected=${one === asking.value} value=${one}>SIG${one}</option>`)}</select></label>`;
  }
  return nothing;
}

/** The app this page comes from. @param {string} name */
const isPanel = (name) => name === "pm-web" && groups().some((one) => one.name === name && one.namespace === "pm");

/** @param {any} asking */
function question(asking) {
  const { deed, names, value } = asking;
  const who = names.length === 1 ? names[0] : t("ask.apps", { n: names.length });
  const sure = (/** @type {Event} */ event) => {
    event.preventDefault();
    const wanted = asking.value;
    close();
    void run(deed, names, wanted);
  };
  return html`<form method="dialog" @submit=${sure}>
    <h2>${t(`ask.${deed}`, { who })}</h2>
    <p>${t(`ask.${deed}.means`)}</p>
    ${names.length > 1 ? html`<ul class="names">${names.map((/** @type {string} */ name) => html`<li>${name}</li>`)}</ul>` : nothing}
    ${deed !== "start" && names.some(isPanel) ? html`<p class="note bad">${t("ask.panel")}</p>` : nothing}
    ${field(asking)}
    <pre class="would">$ ${line(argv(deed, names, value))}</pre>
    <div class="buttons"><button type="button" class="plain" @click=${close}>${t("ask.no")}</button>
      <button class=${["stop", "flush", "delete"].includes(deed) ? "danger" : "main"}>${t(`deed.${deed}`)}</button></div>
  </form>`;
}

function keysTable() {
  return html`<form method="dialog">
    <h2>${t("keys.title")}</h2>
    <table class="keys"><thead class="unseen"><tr><th>${t("keys.key")}</th><th>${t("keys.does")}</th></tr></thead>
      <tbody>${KEYS.map((one) => html`<tr><td>${one.keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</td><td>${t(one.word)}</td></tr>`)}</tbody></table>
    <p class="soft">${t("keys.note")}</p>
    <div class="buttons"><button class="main" @click=${close}>${t("keys.close")}</button></div>
  </form>`;
}

/** The question the dialog was opened for. @type {any} */
let shown = null;

/** Closed by the browser, for Escape; by then another question may be there. @param {Event} event */
function closed(event) {
  const box = /** @type {HTMLDialogElement} */ (event.currentTarget);
  if (!box.open && state.asking === shown) close();
}

/** @param {Event} event at the ground beside the dialog */
function beside(event) {
  if (event.target === event.currentTarget) close();
}

export function dialog() {
  const { asking } = state;
  return html`<dialog id="dialog" aria-label=${asking ? t(asking.keys ? "keys.title" : `deed.${asking.deed}`) : ""} @close=${closed} @click=${beside}>
    ${asking ? (asking.keys ? keysTable() : question(asking)) : nothing}</dialog>`;
}

/** What the drawn elements can't say by themselves. */
export function settle() {
  const box = /** @type {HTMLDialogElement|null} */ (document.getElementById("dialog"));
  if (!box) return;
  if (state.asking && !box.open) {
    shown = state.asking;
    box.showModal();
  } else if (!state.asking && box.open) box.close();
}

/** The app whose menu is open. @type {{name: string, deeds: string[]}|null} */
let open = null;

/**
 * @param {MouseEvent} event
 * @param {string} name
 * @param {string[]} deeds
 */
export function openMenu(event, name, deeds) {
  const at = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
  open = { name, deeds };
  redraw();
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const box = document.getElementById("menu");
    if (!box) return;
    box.showPopover();
    const { width, height } = box.getBoundingClientRect();
    const under = at.bottom + 4 + height < innerHeight ? at.bottom + 4 : at.top - height - 4;
    box.style.setProperty("left", `${Math.max(8, at.right - width)}px`);
    box.style.setProperty("top", `${Math.max(8, under)}px`);
    /** @type {HTMLElement|null} */ (box.querySelector("button"))?.focus();
  }));
}

/** Arrow keys go through the menu. @param {KeyboardEvent} event */
function arrows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const box = /** @type {HTMLElement} */ (event.currentTarget);
  if (!step) return;
  event.preventDefault();
  const all = [...box.querySelectorAll("button")];
  const at = all.indexOf(/** @type {any} */ (document.activeElement));
  all[(at + step + all.length) % all.length].focus();
}

export function menu() {
  const pick = (/** @type {string} */ deed) => {
    const name = open?.name ?? "";
    document.getElementById("menu")?.hidePopover();
    ask(deed, [name]);
  };
  return html`<div id="menu" class="menu" popover role="group" aria-label=${t("list.more", { name: open?.name ?? "" })} @keydown=${arrows}>
    ${(open?.deeds ?? []).map((deed) => html`<button data-line=${line(argv(deed, [open?.name ?? ""], deed === "scale" ? "N" : undefined))} @click=${() => pick(deed)}>
      <span>${t(`deed.${deed}`)}</span><small>${t(`deed.${deed}.means`)}</small></button>`)}</div>`;
}

