// Who may come in: users, tokens for programs, and who is signed in. Each change is one `pm web` line.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { get, post } from "./api.js";
import { line } from "./deeds.js";
import { moment } from "./format.js";
import { change, redraw, state } from "./state.js";
import { t } from "./words.js";

/** @type {any} what the server told of them */
let access = null;
/** @type {any} */
let wrong = null;
let asked = false;
/** What would be removed by another click. */
let doubt = "";
/** A token that was just made: it is not told again. @type {{name: string, key: string}|null} */
let fresh = null;

async function load() {
  asked = true;
  try {
    access = await get("access");
    wrong = null;
  } catch (error) {
    wrong = error;
  }
  redraw();
}

/** The command line of a change, by the rule the server follows. @param {any} body */
function argv(body) {
  const { deed, name, role, apps, days } = body;
  if (deed === "end_session") return ["pm", "web", "sessions", `--end=${name}`];
  const [verb, what] = deed.split("_");
  return ["pm", "web", what, verb, ...(role ? [`--role=${role}`] : []), ...(apps ? [`--apps=${apps}`] : []), ...(days ? [`--days=${days}`] : []), "--", name];
}

/** @param {any} body @returns {Promise<any>} what came of it, if it went well */
async function send(body) {
  doubt = "";
  const show = (/** @type {object} */ more) => change({ strip: { argv: argv(body), ...more } });
  show({ phase: "running" });
  let outcome = null;
  try {
    outcome = await post("access", body);
    // The new token is shown where it can be copied, not at the bottom.
    show({ ...outcome, out: body.deed === "add_token" ? "" : outcome.out, phase: "done" });
  } catch (error) {
    const { message, hint } = /** @type {any} */ (error);
    show({ phase: "refused", message, hint });
  }
  await load();
  return outcome?.exit === 0 ? outcome : null;
}

/** @param {any} body @param {string} word what the button says */
function remover(body, word) {
  const key = `${body.deed} ${body.name}`;
  const sure = doubt === key;
  const press = () => {
    if (sure) void send(body);
    else {
      doubt = key;
      redraw();
    }
  };
  return html`<td class="end"><button class="link ${sure ? "bad" : ""}" data-line=${line(argv(body))} aria-label=${t("list.deed", { deed: t(sure ? "access.sure" : word), name: body.name })} @click=${press}>${t(sure ? "access.sure" : word)}</button></td>`;
}

/** @param {string} title @param {unknown[]} heads @param {unknown} rows @param {unknown} form */
const section = (title, heads, rows, form) => html`<section class="panel access"><h2>${title}</h2>
  <div class="scroll" tabindex="0" role="group" aria-label=${title}><table class="small"><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}<th><span class="unseen">${t("list.acts")}</span></th></tr></thead><tbody>${rows}</tbody></table></div>${form}</section>`;

/** @param {unknown[]} list @param {string} key */
const orNone = (list, key) => (list.length > 0 ? list : html`<tr><td colspan="7" class="soft">${t(key)}</td></tr>`);

const roles = () => html`<label class="field"><span>${t("access.role")}</span><select name="role">${["viewer", "operator", "admin"].map((role) => html`<option value=${role}>${t(`role.${role}`)}</option>`)}</select></label>`;
const appsField = () => html`<label class="field"><span>${t("access.apps")}</span><input name="apps" placeholder=${t("access.apps.all")} spellcheck="false" autocapitalize="none"></label>`;

/** @param {SubmitEvent} event @param {string} deed */
async function add(event, deed) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const given = Object.fromEntries(new FormData(form));
  const body = { deed, ...given, ...(given.days && { days: Number(given.days) }) };
  const outcome = await send(body);
  if (!outcome) return;
  form.reset();
  if (deed === "add_token") fresh = { name: String(given.name), key: outcome.out.trim() };
  redraw();
}

function users() {
  const rows = access.users.map((/** @type {any} */ one) => html`<tr><th scope="row">${one.name}</th><td>${t(`role.${one.role}`)}</td><td>${one.apps || t("access.apps.all")}</td>${remover({ deed: "remove_user", name: one.name }, "access.remove")}</tr>`);
  return section(t("access.users"), [t("access.name"), t("access.role"), t("access.apps")], orNone(rows, "access.users.none"), html`<form @submit=${(/** @type {SubmitEvent} */ event) => add(event, "add_user")}>
    <label class="field"><span>${t("access.name")}</span><input name="name" required maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false"></label>
    <label class="field"><span>${t("signin.password")}</span><input name="password" type="password" required minlength="8" autocomplete="new-password"></label>
    ${roles()}${appsField()}<button class="plain" data-line="pm web user add NAME">${t("access.users.add")}</button></form>`);
}

function tokens() {
  const now = Date.now();
  const rows = access.tokens.map((/** @type {any} */ one) => html`<tr><th scope="row">${one.name}</th><td>${t(`role.${one.role}`)}</td><td>${one.apps || t("access.apps.all")}</td>
    <td class=${one.until_ms < now ? "bad" : ""}>${moment(one.until_ms).slice(0, 10)}</td><td>${one.used_ms ? moment(one.used_ms).slice(0, 16) : t("access.never")}</td>${remover({ deed: "remove_token", name: one.name }, "access.remove")}</tr>`);
  return section(t("access.tokens"), [t("access.name"), t("access.role"), t("access.apps"), t("access.until"), t("access.used")], orNone(rows, "access.tokens.none"), html`
    ${fresh ? html`<div class="note fresh" role="status"><p>${t("access.fresh", { name: fresh.name })}</p><pre tabindex="0">Authorization: Bearer ${fresh.key}</pre></div>` : nothing}
    <form @submit=${(/** @type {SubmitEvent} */ event) => add(event, "add_token")}>
    <label class="field"><span>${t("access.name")}</span><input name="name" required maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false"></label>
    ${roles()}${appsField()}
    <label class="field"><span>${t("access.days")}</span><input name="days" type="number" min="1" max="3650" value="90" required></label>
    <button class="plain" data-line="pm web token add NAME">${t("access.tokens.add")}</button></form>`);
}

function sessions() {
  const rows = access.sessions.map((/** @type {any} */ one) => html`<tr><th scope="row">${one.name}${one.id === access.own ? html` <span class="tag">${t("access.own")}</span>` : nothing}</th><td>${t(`role.${one.role}`)}</td><td>${one.apps || t("access.apps.all")}</td>
    <td>${one.from}</td><td>${moment(one.began_ms).slice(0, 16)}</td><td>${moment(one.used_ms).slice(0, 16)}</td>${remover({ deed: "end_session", name: one.id }, "access.end")}</tr>`);
  return section(t("access.sessions"), [t("access.name"), t("access.role"), t("access.apps"), t("access.from"), t("access.since"), t("access.seen")], rows, nothing);
}

/** Whoever leaves the screen has seen the new token. */
export function leaveSettings() {
  asked = false;
  fresh = null;
  doubt = "";
}

export function settingsScreen() {
  if (!asked && state.stage === "in") void load();
  return html`<div class="title"><h1 tabindex="-1">${t("frame.settings")}</h1></div>
    ${wrong ? html`<p class="note bad" role="alert">${wrong.message}${wrong.hint ? html`<br>${wrong.hint}` : nothing}</p>` : nothing}
    ${access === null ? (wrong ? nothing : html`<div class="waiting"><i></i><i></i></div>`) : html`${users()}${tokens()}${sessions()}`}`;
}
