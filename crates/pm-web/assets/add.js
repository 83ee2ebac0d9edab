// A project by its folder, in five steps on one page: what lies there, what was found, Python, how it runs, and a last look.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { get, post } from "./api.js";
import { line } from "./deeds.js";
import { groups } from "./groups.js";
import { setUp, setUpHears } from "./adding.js";
import { reason } from "./reasons.js";
import { icon } from "./shapes.js";
import { redraw, state } from "./state.js";
import { t } from "./words.js";

/**
 * What was chosen; whatever is empty is for `pm add` to choose.
 * @typedef {{folder: string, name: string, port: string, app: string, python: string, only: string[]}} Choice
 */

/** @type {any} the folder that is looked into, as the server tells it */
let here = null;
/** @type {Choice} */
let choice = { folder: "", name: "", port: "", app: "", python: "", only: [] };
/** @type {any} what `pm add --dry-run` says */
let plan = null;
/** @type {any} */
let wrong = null;
let waits = false;
/** @type {any} what was sent off */
let job = null;
let turn = 0;

/** @returns {string[]} apps whose lines are to be heard */
export const addHears = () => (job ? setUpHears(job) : []);

/** @param {string} [path] */
async function enter(path) {
  wrong = null;
  try {
    here = await get(path === undefined ? "folders" : `folders?${new URLSearchParams({ path })}`);
  } catch (error) {
    wrong = error;
  }
  redraw();
}

/** The flags of a choice, as `pm add` takes them. @param {Choice} of */
export function flags(of) {
  /** @type {[string, string][]} */
  const all = [["--name", of.name], ["--port", of.port], ["--app", of.app], ["--python", of.python], ["--only", of.only.join(",")]];
  return all.filter(([, value]) => value !== "").flat();
}

/** What is sent: only what was chosen. */
function body() {
  const { folder, name, port, app, python, only } = choice;
  return {
    folder, ...(name && { name }), ...(port && { port: Number(port) }), ...(app && { app }), ...(python && { python }),
    ...(only.length > 0 && { only }),
  };
}

/** Lists that are empty are left out on the way. @param {any} found */
function whole(found) {
  const apps = found.apps.map((/** @type {any} */ app) => ({ doubts: [], evidence: [], ...app }));
  const projects = (found.found?.projects ?? []).map((/** @type {any} */ one) => ({ proposals: [], ...one }));
  return { doubts: [], remarks: [], blockers: [], commands: [], ...found, apps, found: { ...found.found, projects } };
}

/** Looks once more, with what was chosen. @param {Partial<Choice>} part */
async function look(part) {
  Object.assign(choice, part);
  state.place.query.set("folder", choice.folder);
  const mine = (turn += 1);
  waits = true;
  wrong = null;
  redraw();
  try {
    const found = await post("scout", body());
    if (mine === turn) plan = whole(found);
  } catch (error) {
    if (mine === turn) wrong = error;
  }
  if (mine === turn) waits = false;
  redraw();
}

function anew() {
  choice = { folder: "", name: "", port: "", app: "", python: "", only: [] };
  plan = job = wrong = null;
  state.place.query.delete("folder");
  redraw();
}

/** @param {boolean} start */
async function send(start) {
  waits = true;
  wrong = null;
  redraw();
  try {
    const names = plan.apps.map((/** @type {any} */ app) => app.name);
    const outcome = await post("projects", { ...body(), start, token: plan.token });
    if (outcome.exit === 0) job = { ...outcome, names, ports: plan.apps.map((/** @type {any} */ app) => given(app) ?? null), start };
    else wrong = { message: (outcome.err || outcome.out).trim(), hint: null };
  } catch (error) {
    wrong = error;
  }
  waits = false;
  redraw();
}

/**
 * One step: its number, its title, and what it is about.
 * @param {number} number
 * @param {string} title
 * @param {unknown} inside
 * @param {unknown} [aside]
 */
const step = (number, title, inside, aside = nothing) => html`<section class="panel step" aria-label=${title}><h2><span><i aria-hidden="true">${number}</i>${title}</span>${aside}</h2>${inside}</section>`;

const mistake = () => (wrong ? html`<p class="note bad" role="alert">${wrong.message}${wrong.hint ? html`<br>${wrong.hint}` : nothing}</p>` : nothing);

/** Where one is, each part a way back. */
function crumbs() {
  const parts = here.path.split("/").filter(Boolean);
  const rootParts = here.root.split("/").filter(Boolean).length;
  return html`<nav class="crumbs" aria-label=${t("add.path")}>${parts.slice(rootParts - 1).map((/** @type {string} */ part, /** @type {number} */ at) => html`<button class="link" @click=${() => enter(`/${parts.slice(0, rootParts + at).join("/")}`)}>${at === 0 ? here.root : part}</button><span aria-hidden="true">/</span>`)}</nav>`;
}

function folderStep() {
  if (choice.folder) {
    return step(1, t("add.folder"), html`<p><code>${choice.folder}</code></p>`, html`<button class="link" @click=${anew}>${t("add.other")}</button>`);
  }
  const inside = here === null ? html`<p class="soft">${wrong ? nothing : t("list.loading")}</p>` : html`${crumbs()}
    <ul class="folders">${here.folders.map((/** @type {any} */ folder) => html`<li><button @click=${() => enter(`${here.path}/${folder.name}`)}>${icon("folder")}<span>${folder.name}</span></button>
      ${folder.marks.length > 0 ? html`<span class="tag">${folder.marks.join(", ")}</span><button class="plain" @click=${() => look({ folder: `${here.path}/${folder.name}` })}>${t("add.use")}</button>` : nothing}</li>`)}</ul>
    ${here.folders.length === 0 ? html`<p class="soft">${t("add.nofolders")}</p>` : nothing}
    <div class="buttons"><button class="main" @click=${() => look({ folder: here.path })}>${t("add.use.this", { name: here.path.split("/").at(-1) || "/" })}</button></div>`;
  return step(1, t("add.folder"), html`<p class="soft">${t("add.folder.means")}</p>${mistake()}${inside}`);
}

/** The port it gets: the one it asks for, or the next that is free. @param {any} app @returns {number|undefined} */
const given = (app) => app.given_port?.number ?? app.port?.number;

/** Other things the same folder could be. @param {any} app */
function others(app) {
  const project = plan.found.projects.find((/** @type {any} */ one) => one.folder === app.folder);
  const all = (project?.proposals ?? []).map((/** @type {any} */ one) => one.object ?? one.start?.args?.at(-1)).filter(Boolean);
  if (all.length < 2) return nothing;
  return html`<label class="field"><span>${t("add.choose")}</span><select @change=${(/** @type {any} */ event) => look({ app: event.target.value })}>
    ${all.map((/** @type {string} */ one) => html`<option ?selected=${one === (choice.app || all[0])} value=${one}>${one}</option>`)}</select></label>`;
}

/** @param {any} app */
function foundApp(app) {
  const many = plan.found.projects.length > 1 || plan.apps.length > 1;
  const toggle = () => {
    const names = plan.apps.map((/** @type {any} */ one) => one.name).filter((/** @type {string} */ name) => name !== app.name);
    void look({ only: names });
  };
  return html`<li><p class="line"><b>${app.name}</b><span class="tag">${t(`stack.${app.stack}`)}</span>${given(app) ? html`<span class="tag">:${given(app)}</span>` : nothing}
      ${many && plan.apps.length > 1 ? html`<button class="link" @click=${toggle}>${t("add.without", { name: app.name })}</button>` : nothing}</p>
    <ul class="soft">${app.evidence.map((/** @type {any} */ one) => html`<li><code>${one.file}${one.line ? `:${one.line}` : ""}</code> ${one.words}</li>`)}</ul>
    ${others(app)}</li>`;
}

function foundStep() {
  const doubts = [...plan.apps.flatMap((/** @type {any} */ app) => app.doubts), ...plan.doubts];
  return step(2, t("add.found"), html`
    ${plan.apps.length === 0 ? html`<p>${t("add.found.nothing")}</p>` : html`<ul class="found">${plan.apps.map(foundApp)}</ul>`}
    ${doubts.map((/** @type {any} */ doubt) => html`<p class="note">${doubt.text}</p>`)}
    ${plan.remarks.map((/** @type {string} */ text) => html`<p class="note">${text}</p>`)}
    ${plan.blockers.map((/** @type {string} */ text) => html`<p class="note bad">${text}</p>`)}`);
}

function pythonStep() {
  const project = plan.found.projects.find((/** @type {any} */ one) => one.python);
  if (!project) return nothing;
  const { requirements, venv } = project.python;
  const set = (/** @type {any} */ event) => look({ python: event.target.value.trim() });
  return step(3, t("add.python"), html`<p>${venv ? t("add.python.venv", { path: venv.path ?? venv }) : t("add.python.new")}
      ${requirements ? t("add.python.requirements", { path: requirements.path }) : t("add.python.none")}</p>
    ${venv ? nothing : html`<label class="field short"><span>${t("add.python.version")}</span><input placeholder=${t("add.python.any")} .value=${choice.python} @change=${set} spellcheck="false"></label>`}`);
}

function runStep() {
  if (plan.apps.length !== 1) return nothing;
  const [app] = plan.apps;
  return step(4, t("add.run"), html`<div class="pair">
    <label class="field"><span>${t("add.name")}</span><input .value=${choice.name || app.name} @change=${(/** @type {any} */ event) => look({ name: event.target.value.trim() })} spellcheck="false"></label>
    ${app.port ? html`<label class="field"><span>${t("list.ports")}</span><input type="number" min="1" max="65535" ?disabled=${app.port.is_fixed} .value=${String(given(app))} @change=${(/** @type {any} */ event) => look({ port: event.target.value })}></label>` : nothing}</div>
    ${project(app)?.env_file ? html`<p class="soft">${t("add.env", { path: project(app).env_file })}</p>` : nothing}`);
}

/** @param {any} app */
const project = (app) => plan.found.projects.find((/** @type {any} */ one) => one.folder === app.folder);

function lookStep() {
  const typed = line(["pm", "add", choice.folder, ...flags(choice)]);
  const stuck = plan.blockers.length > 0 || plan.apps.length === 0 || waits;
  return step(5, t("add.look"), html`<div class="two">
      <div><p class="over">${t("add.writes")} <code>${plan.file?.path}</code></p><pre tabindex="0" aria-label=${t("add.writes")}>${plan.file?.after ?? ""}</pre></div>
      <div><p class="over">${t("add.runs")}</p><pre tabindex="0" aria-label=${t("add.runs")}>${plan.commands.map((/** @type {any} */ one) => `$ ${line(one.argv)}\n`)}$ pm up</pre></div></div>
    ${mistake()}
    <p class="soft">${t("add.same")} <code>${typed}</code></p>
    <div class="buttons"><button class="plain" ?disabled=${stuck} data-line=${`${typed} --no-start`} @click=${() => send(false)}>${t("add.only")}</button>
      <button class="main" ?disabled=${stuck} data-line=${typed} @click=${() => send(true)}>${t("add.go")}</button></div>`);
}

export function addScreen() {
  if (here === null && !wrong && !waits && !choice.folder) void enter();
  const head = html`<div class="title app"><a class="back" href="#/apps" aria-label=${t("app.back")} title=${t("app.back")}>${icon("back")}</a><div><h1 tabindex="-1">${t("add.title")}</h1><p class="soft">${t("add.means")}</p></div></div>`;
  if (job) return html`${head}${setUp(job, groups(), anew, reason)}`;
  if (!plan) return html`${head}${folderStep()}${waits ? html`<p class="soft" role="status">${t("add.looking")}</p>` : nothing}${choice.folder ? mistake() : nothing}`;
  return html`${head}${folderStep()}${foundStep()}${pythonStep()}${runStep()}${lookStep()}`;
}
