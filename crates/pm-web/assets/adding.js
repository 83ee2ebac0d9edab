// What becomes of a project that is being set up: its installation as it goes, then whether its apps are up and listen.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { get } from "./api.js";
import { line } from "./deeds.js";
import { tone } from "./groups.js";
import { Lines } from "./lines.js";
import { sign } from "./shapes.js";
import { redraw } from "./state.js";
import { t } from "./words.js";

/** @type {Lines|null} */
let lines = null;
/** @type {import("./types.js").Line[]} */
let early = [];
/** How the installation ended: of which run, and with what. @type {{pid: string, code: number|null}|null} */
let end = null;
let asked = "";

/** @param {any} job @returns {string[]} */
export const setUpHears = (job) => [job.job];

/** Lines of the installation. @param {any} news */
export function setUpHeard(news) {
  const fresh = lines ? lines.unseen(news.lines) : news.lines;
  if (lines) lines.add(fresh);
  else early = early.concat(fresh);
}

/** After each drawing. */
export function settleSetUp() {
  const box = document.getElementById("setup");
  if (!box) {
    lines = null;
    return;
  }
  if (lines?.box === box) return;
  lines = new Lines(box, redraw);
  lines.add(early);
  early = [];
}

/** @param {import("./types.js").Row} row */
async function askEnd(row) {
  const key = `${row.id} ${row.restarts} ${row.status}`;
  if (asked === key) return;
  asked = key;
  const { ends } = await get(`apps/${row.id}/ends`).catch(() => ({ ends: [] }));
  const last = ends.toSorted((/** @type {any} */ a, /** @type {any} */ b) => b.at_ms - a.at_ms)[0];
  end = last ? { pid: key, code: last.code } : null;
  redraw();
}

/** One of the apps that are made. @param {import("./types.js").Group|undefined} group @param {string} name @param {number|null} port */
function made(group, name, port) {
  if (!group) return html`<li class="line">${sign("bad")}<b>${name}</b>${t("adding.missing")}</li>`;
  const look = tone(group.status);
  const word = port === null ? nothing : group.ports.includes(port) ? html`<span class="good">${t("adding.listens", { port })}</span>`
    : html`<span class="soft">${t("adding.silent", { port })}</span>`;
  return html`<li class="line">${sign(look)}<a href=${`#/app/${encodeURIComponent(name)}`}>${name}</a><span class="status ${look}">${t(`status.${group.status}`)}</span>${word}</li>`;
}

/**
 * @param {any} job
 * @param {import("./types.js").Group[]} all
 * @param {() => void} anew
 * @param {(said: string) => string} reason
 */
export function setUp(job, all, anew, reason) {
  const own = all.find((one) => one.name === job.job);
  const goes = !own || own.up > 0;
  if (own && !goes) void askEnd(own.rows[0]);
  const good = !goes && end?.code === 0;
  const word = goes ? "adding.goes" : end === null ? "list.loading" : good ? (job.start ? "adding.done" : "adding.ready") : "adding.failed";
  return html`<section class="panel"><h2>${t(word)}${goes ? html`<span class="spin" aria-hidden="true"></span>` : nothing}</h2>
      ${!goes && !good && end !== null ? html`<p class="note bad" role="alert">${t("adding.failed.means")} ${own?.why ? reason(own.why) : ""}</p>` : nothing}
      ${good && job.start ? html`<ul class="found">${job.names.map((/** @type {string} */ name, /** @type {number} */ at) => made(all.find((one) => one.name === name), name, job.ports[at]))}</ul>` : nothing}
      <p class="soft">${goes ? t("adding.leave") : nothing}</p>
      <div class="setup lines" id="setup" role="log" aria-live="off" tabindex="0" aria-label=${t("adding.log")}></div>
      <p class="soft"><code>$ ${line(job.argv)}</code></p>
      <div class="buttons"><button class="plain" @click=${anew}>${t("adding.another")}</button><a class="plain" href="#/apps">${t("app.back")}</a></div></section>`;
}
