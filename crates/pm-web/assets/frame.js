// Around each screen: rail or bottom bar, the machine's gauges, language, light and dark, who is signed in.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { bytes, percent } from "./format.js";
import { gauge, icon } from "./shapes.js";
import { signOut } from "./signin.js";
import { change, redraw, state } from "./state.js";
import { language, remember, speak, t } from "./words.js";

const ICON = new URL("./icon.svg", import.meta.url).href;
const THEMES = ["auto", "light", "dark"];

const theme = () => document.documentElement.dataset.theme ?? "auto";

function nextTheme() {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("pm.theme", next);
  } catch {
    // It lasts as long as the page then.
  }
  redraw();
}

async function nextLanguage() {
  const next = language() === "zh" ? "en" : "zh";
  await speak(next);
  remember(next);
  redraw();
}

export function tools() {
  return html`<button class="tool" id="lang" @click=${nextLanguage} lang=${language() === "zh" ? "en" : "zh-CN"} aria-label=${t("frame.language")} title=${t("frame.language")}>${t("frame.other")}</button>
    <button class="tool" id="theme" @click=${nextTheme} aria-label=${t(`frame.theme.${theme()}`)} title=${t(`frame.theme.${theme()}`)}>${icon(theme())}</button>`;
}

const PLACES = ["apps", "logs"];
/** For who may do everything. */
const ADMINS = ["alerts", "settings"];

function rail() {
  const here = ["app", "add", "charts"].includes(state.place.screen) ? "apps" : state.place.screen;
  return html`<nav class="rail" aria-label=${t("frame.places")}>
    <a class="brand" href="#/apps" aria-label="pm"><img src=${ICON} alt="" width="26" height="26"><b>pm</b></a>
    ${[...PLACES, ...(state.adds ? ADMINS : [])].map((place) => html`<a class="place" href=${`#/${place}`} aria-current=${here === place ? "page" : nothing}>${icon(place)}<span>${t(`frame.${place}`)}</span></a>`)}
    <button class="place foot" @click=${() => change({ asking: { keys: true } })}>${icon("keys")}<span>${t("frame.keys")}</span></button>
  </nav>`;
}

/** @param {string} word @param {number|null|undefined} part @param {string} shown @param {string} [all] */
function meter(word, part, shown, all) {
  if (part === null || part === undefined || Number.isNaN(part)) return nothing;
  return html`<span class="meter"><span class="soft">${word}</span>${gauge(part)}<b>${shown}</b>${all ? html`<span class="soft all">/ ${all}</span>` : nothing}</span>`;
}

function machine() {
  const { host, session } = state;
  return html`<div class="machine"><b class="host">${session?.host ?? ""}</b>
    ${host ? html`${meter(t("host.cpu"), host.cpu === null ? null : host.cpu / 100, percent(host.cpu))}
      ${meter(t("host.memory"), host.memory / host.memory_total, bytes(host.memory), bytes(host.memory_total))}
      ${meter(t("host.disk"), host.disk / host.disk_total, percent((100 * host.disk) / host.disk_total))}` : nothing}</div>`;
}

function bars() {
  const { session, away, daemonAway } = state;
  return html`${session?.root ? html`<p class="bar root">${icon("warn")}<span>${t("frame.root", { host: session.host ?? "" })}</span></p>` : nothing}
    <div role="status">${away || daemonAway ? html`<p class="bar away"><span class="spin" aria-hidden="true"></span><span>${t(away ? "frame.away" : "frame.daemonAway")}</span></p>` : nothing}</div>`;
}

/**
 * @param {unknown} screen
 * @param {unknown} strip
 */
export function frame(screen, strip) {
  const { session } = state;
  const who = t("frame.signed", { name: session?.name ?? "", role: t(`role.${session?.role ?? "viewer"}`) });
  return html`<a class="skip" href="#main" @click=${toMain}>${t("frame.skip")}</a>
  <div class="frame">${rail()}
    <div class="side">
      <header><div class="top">${machine()}<div class="tools">${tools()}
        <span class="who" title=${who}>${session?.name}<small>${t(`role.${session?.role ?? "viewer"}`)}</small></span>
        <button class="tool" id="leave" @click=${signOut} aria-label=${t("frame.leave")} title=${t("frame.leave")}>${icon("out")}</button></div></div>
      ${bars()}</header>
      <main id="main" tabindex="-1">${screen}</main>
      ${strip}
    </div></div>`;
}

/** The address's fragment is ours: the link moves the focus only. @param {Event} event */
function toMain(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
