// One table of keys: what is done and what the help shows come from it.

import { change, state } from "./state.js";

const go = (/** @type {string} */ place) => () => {
  location.hash = place;
};

const find = () => {
  /** @type {HTMLElement|null} */ (document.querySelector("[data-find]"))?.focus();
};

/** Moves between the rows of the list. @param {number} step */
const walk = (step) => () => {
  const all = [...document.querySelectorAll("[data-walk]")];
  const at = all.findIndex((one) => one.closest("tr")?.contains(document.activeElement) ?? false);
  const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
  /** @type {HTMLElement|undefined} */ (next)?.focus();
};

/** @type {{keys: string, word: string, does: () => void}[]} */
export const KEYS = [
  { keys: "/", word: "keys.find", does: find },
  { keys: "j", word: "keys.next", does: walk(1) },
  { keys: "k", word: "keys.previous", does: walk(-1) },
  { keys: "g a", word: "keys.apps", does: go("#/apps") },
  { keys: "g l", word: "keys.logs", does: go("#/logs") },
  { keys: "g n", word: "keys.alerts", does: go("#/alerts") },
  { keys: "g s", word: "keys.settings", does: go("#/settings") },
  { keys: "?", word: "keys.help", does: () => change({ asking: { keys: true } }) },
  { keys: "Esc", word: "keys.leave", does: () => /** @type {HTMLElement} */ (document.activeElement)?.blur() },
];

let first = "";
/** @type {ReturnType<typeof setTimeout>|undefined} */
let forget;

/** @param {KeyboardEvent} event */
export function press(event) {
  const at = event.target instanceof HTMLElement ? event.target : document.body;
  const types = at.matches("input:not([type=checkbox]), select, textarea");
  const key = event.key === "Escape" ? "Esc" : event.key;
  if (state.stage !== "in" || document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (types && key !== "Esc") return;
  clearTimeout(forget);
  const pressed = first ? `${first} ${key}` : key;
  const found = KEYS.find((one) => one.keys === pressed);
  first = !found && KEYS.some((one) => one.keys.startsWith(`${pressed} `)) ? pressed : "";
  forget = setTimeout(() => {
    first = "";
  }, 1000);
  if (!found) return;
  event.preventDefault();
  found.does();
}
