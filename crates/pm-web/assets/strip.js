// The line at the bottom: what a click would run, what has run, and how it ended.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { line, wentWell } from "./deeds.js";
import { icon } from "./shapes.js";
import { change, redraw, state } from "./state.js";
import { t } from "./words.js";

/** @type {string|null} */
let preview = null;
let copied = false;

/** A button that was clicked: what came of it is more than what it would do, until it is left. @type {Element|null} */
let spent = null;

/** @param {Event} event */
const button = (event) => (event.target instanceof Element ? event.target.closest("[data-line]") : null);

/** @param {Event} event */
export function use(event) {
  spent = button(event);
  preview = null;
}

/** What the pointer or the focus is on. @type {Element|null} */
let over = null;

/** The line of the button below the pointer or with the focus. @param {Event} event */
export function look(event) {
  over = button(event);
  if (over !== spent) spent = null;
  settleStrip();
}

/** After each drawing: below a pointer that rests, a button may be gone or mean something else by now. */
export function settleStrip() {
  const now = over?.isConnected && !spent ? over.getAttribute("data-line") : null;
  if (now === preview) return;
  preview = now;
  copied = false;
  redraw();
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    copied = true;
  } catch {
    // Without https a browser may not let us: the text is selected, for the keyboard.
    const shown = document.querySelector(".strip code");
    if (shown) getSelection()?.selectAllChildren(shown);
  }
  redraw();
  setTimeout(() => {
    copied = false;
    redraw();
  }, 4000);
}

/** @param {any} last */
function said(last) {
  if (last.phase === "running") return html`<span class="phase">${t("strip.running")}</span>`;
  if (last.phase === "refused") return html`<span class="phase bad">${t("strip.refused")}</span>`;
  if (wentWell(last)) return html`<span class="phase good">${t("strip.done")}</span>`;
  return html`<span class="phase bad">${t("strip.failed", { code: last.exit })}</span>`;
}

/** What it printed, or why it was refused. @param {any} last */
function told(last) {
  if (last.phase === "running" || last.hidden) return nothing;
  const text = last.phase === "refused"
    ? [last.message, last.hint].filter(Boolean).join("\n")
    : [last.err, last.out].map((part) => (part ?? "").trim()).filter(Boolean).join("\n");
  if (!text) return nothing;
  const hide = () => change({ strip: { ...last, hidden: true } });
  return html`<div class="told"><pre tabindex="0" aria-label=${t("strip.output")}>${text}</pre>
    <button class="mini" @click=${hide} aria-label=${t("strip.hide")} title=${t("strip.hide")}>${icon("close")}</button></div>`;
}

export function strip() {
  const last = state.strip;
  const shown = preview ?? (last ? line(last.argv) : standing());
  return html`<section class="strip" aria-label=${t("strip.name")}>
    ${last ? told(last) : nothing}
    <div class="ran"><span class="prompt" aria-hidden="true">$</span><code>${shown}</code>
      <span role="status">${preview === null && last ? said(last) : nothing}</span>
      <button class="mini" @click=${() => copy(shown)} aria-label=${t("strip.copy")}>${icon("copy")}<span>${t(copied ? "strip.copied" : "strip.copy")}</span></button>
    </div></section>`;
}

/** Nothing has been clicked: the command that shows this screen. */
function standing() {
  const { screen, name } = state.place;
  if (screen === "add") return line(["pm", "add", state.place.query.get("folder") ?? "FOLDER"]);
  if (screen === "app") return line(["pm", "describe", name]);
  if (screen === "logs" || screen === "charts") return state.place.query.get("line") ?? "pm logs";
  if (screen === "alerts") return "pm web alert list";
  if (screen === "settings") return "pm web user list";
  return "pm list";
}
