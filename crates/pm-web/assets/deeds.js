// What can be done to apps: each deed is one command line, shown before and after.

import { post } from "./api.js";
import { groups, isNamespace } from "./groups.js";
import { change, redraw, state } from "./state.js";
import { t } from "./words.js";

/**
 * `asks`: it stops or deletes something, so a dialog comes first.
 * @type {Record<string, {asks?: boolean, value?: "number"|"signal"}>}
 */
export const DEEDS = {
  start: {}, restart: {}, reload: {}, stop: { asks: true }, reset: {}, flush: { asks: true }, delete: { asks: true },
  scale: { value: "number" }, signal: { value: "signal" },
};

/** @param {string} word as a shell takes it */
const quoted = (word) => (/^[\p{L}\p{N}_@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** @param {string[]} argv */
export const line = (argv) => argv.map(quoted).join(" ");

/**
 * The word that means an app to pm: its name, said to be one where it could mean something else.
 * @param {string} name
 */
function word(name) {
  const plain = /^[\p{L}\p{N}][\p{L}\p{N}_-]*$/u.test(name) && /\p{L}/u.test(name) && name !== "all";
  return plain && !isNamespace(name) ? name : `name:${name}`;
}

/**
 * The command line of a deed, by the rule the server follows.
 * @param {string} deed
 * @param {string[]} names
 * @param {string} [value]
 */
export function argv(deed, names, value) {
  const words = [...names].sort().map(word);
  if (deed === "signal") return ["pm", "sendSignal", `SIG${value || "HUP"}`, ...words];
  if (deed === "scale") return ["pm", "scale", ...words, value ?? "1"];
  return ["pm", deed, ...words];
}

export const mayAct = () => state.session?.role !== "viewer";
export const mayDelete = () => state.session?.role === "admin";

/**
 * A click on a button: at once, or after a question.
 * @param {string} deed
 * @param {string[]} names
 */
export function ask(deed, names) {
  const of = DEEDS[deed];
  if (!of.asks && !of.value) {
    // A button that was disabled would lose the focus; one that waits does nothing.
    if (!names.some((name) => busy.has(name))) void run(deed, names);
    return;
  }
  const rows = groups().find((one) => one.name === names[0])?.rows.length ?? 1;
  const value = of.value === "number" ? String(rows) : of.value === "signal" ? "HUP" : "";
  change({ asking: { deed, names, value } });
}

/** How a command that ends badly is told apart. @param {import("./types.js").Outcome} outcome */
export const wentWell = (outcome) => outcome.exit === 0;

let turn = 0;

/**
 * @param {string} deed
 * @param {string[]} names
 * @param {string} [value]
 */
export async function run(deed, names, value) {
  const mine = (turn += 1);
  const show = (/** @type {object} */ more) => {
    // An older command that ends later does not hide a newer one.
    if (mine === turn) change({ strip: { argv: argv(deed, names, value), ...more } });
  };
  show({ phase: "running" });
  names.forEach((name) => busy.add(name));
  const ids = groups().filter((one) => names.includes(one.name)).flatMap((one) => one.rows.map((row) => row.id));
  try {
    if (ids.length === 0) throw new Error(t("error.gone"));
    const outcome = ids.length > 1 && deed !== "scale"
      ? await post("bulk", { deed, ids })
      : await post(`apps/${ids[0]}/${deed}`, body(deed, value));
    show({ ...outcome, phase: "done" });
  } catch (error) {
    const { message, hint } = /** @type {any} */ (error);
    show({ phase: "refused", message, hint });
  }
  names.forEach((name) => busy.delete(name));
  names.forEach((name) => state.whys.delete(name));
  redraw();
}

/** Names something is being done to. @type {Set<string>} */
export const busy = new Set();

/** @param {string} deed @param {string|undefined} value */
function body(deed, value) {
  if (deed === "scale") return { to: Number(value) };
  if (deed === "signal") return { signal: value };
  return {};
}
