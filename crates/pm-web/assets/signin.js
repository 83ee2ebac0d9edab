// Signing in: by the one-time link in the address's fragment, or by name and password.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { call, get, holdKey, post } from "./api.js";
import { hush } from "./events.js";
import { change, pastPoints, rowsChanged, state } from "./state.js";
import { t } from "./words.js";

const ICON = new URL("./icon.svg", import.meta.url).href;

/** @type {any} */
let wrong = null;
let waiting = false;
/** Why somebody is here again: a key of the words, or nothing. */
let reason = "";

/** @param {string} fragment @returns {string|null} what a link carries */
export function linkOf(fragment) {
  const found = /^#\/?link[=/]([\w.~-]+)$/.exec(fragment);
  return found ? found[1] : null;
}

/**
 * @param {object} by
 * @param {boolean} keep
 */
async function signIn(by, keep) {
  wrong = null;
  waiting = true;
  change({});
  try {
    const { key } = await post("session", by);
    holdKey(key, keep);
    await enter();
  } catch (error) {
    wrong = error;
  }
  waiting = false;
  change({});
}

/** Who the key belongs to; whoever has none sees the form. */
export async function enter() {
  try {
    const session = await get("session");
    change({ session, stage: "in", away: false, adds: session.role === "admin" && !session.apps });
    // The list does not wait for its small charts.
    get("history").then(pastPoints, () => {});
  } catch (error) {
    const { status } = /** @type {any} */ (error);
    if (status === 0) throw error;
    if (status === 401) holdKey(null);
    leave(status === 401 ? "" : "signin.ended");
  }
}

/** @param {string} link */
export const byLink = (link) => signIn({ link }, false);

/** Shows the form, and forgets what was seen. @param {string} why */
export function leave(why) {
  hush();
  reason = why;
  state.rows.clear();
  rowsChanged();
  state.selected.clear();
  state.whys.clear();
  change({ session: null, stage: "out", loaded: false, strip: null, asking: null, away: false, host: null });
}

/** For the button: the server forgets the key too. Nothing is asked any more with a key that is about to end. */
export async function signOut() {
  const forgotten = call("DELETE", "session").catch(() => {
    // Without a server the key is gone from here all the same.
  });
  holdKey(null);
  leave("");
  await forgotten;
  if (state.stage === "out") leave("signin.bye");
}

/** @param {SubmitEvent} event */
function submit(event) {
  event.preventDefault();
  const given = new FormData(/** @type {HTMLFormElement} */ (event.target));
  const name = String(given.get("name"));
  // Who pastes the whole link into the field of the name means the link.
  const link = linkOf(name.slice(name.indexOf("#")));
  const keep = given.get("keep") !== null;
  void (link ? signIn({ link }, keep) : signIn({ name, password: String(given.get("password")) }, keep));
}

/** @param {unknown} tools language and theme */
export function signInScreen(tools) {
  return html`<main class="door" id="main">
    <div class="card">
      <div class="brand"><img src=${ICON} alt="" width="36" height="36"><h1 tabindex="-1">${t("signin.title")}</h1></div>
      ${reason && !wrong ? html`<p class="note" role="status">${t(reason)}</p>` : nothing}
      ${wrong ? html`<p class="note bad" role="alert">${wrong.message}${wrong.hint ? html`<br><span>${wrong.hint}</span>` : nothing}</p>` : nothing}
      <form @submit=${submit}>
        <label class="field"><span>${t("signin.name")}</span><input name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required></label>
        <label class="field"><span>${t("signin.password")}</span><input name="password" type="password" autocomplete="current-password"></label>
        <label class="tick"><input type="checkbox" name="keep"><span>${t("signin.keep")}</span></label>
        <button class="main wide" ?disabled=${waiting}>${t(waiting ? "signin.waiting" : "signin.go")}</button>
      </form>
      <div class="aside"><p>${t("signin.shell")}</p><pre>pm web link</pre></div>
    </div>
    <div class="tools">${tools}</div>
  </main>`;
}
