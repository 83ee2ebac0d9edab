// What `pm why` says of one app: below its row, and on its page.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { get } from "./api.js";
import { line } from "./deeds.js";
import { moment } from "./format.js";
import { reason } from "./reasons.js";
import { redraw, state } from "./state.js";
import { t } from "./words.js";

/** @typedef {import("./types.js").Group} Group */

/** The instance that has something to say. @param {Group} group */
const worst = (group) => group.rows.find((row) => row.status === group.status) ?? group.rows[0];

/** @param {Group} group */
export async function askWhy(group) {
  state.whys.set(group.name, { waiting: true });
  redraw();
  /** @type {any} */
  let found;
  try {
    found = await get(`apps/${worst(group).id}/why`);
  } catch (error) {
    found = { error };
  }
  // Closed meanwhile.
  if (state.whys.has(group.name)) state.whys.set(group.name, found);
  redraw();
}

/** What stands between backticks is to be typed. @param {string} text */
const coded = (text) => text.split("`").map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part));

/** @param {Group} group */
export function toggleWhy(group) {
  if (!state.whys.delete(group.name)) void askWhy(group);
  redraw();
}

/** @param {Group} group @param {boolean} [links] whether it leads on */
export function whyBox(group, links = true) {
  const why = state.whys.get(group.name);
  if (!why || why.waiting) return html`<p class="soft" role="status">${t("why.waiting")}</p>`;
  if (why.error) return html`<p class="note bad" role="alert">${why.error.message} ${why.error.hint ?? ""}</p>`;
  return html`<div class="whybox">
    <p class="because">${why.why ? reason(why.why) : t("why.nothing")}</p>
    ${why.cause ? html`<p class="cause"><b>${t("why.cause")}</b> ${coded(reason(why.cause))}</p>` : nothing}
    ${(why.ends ?? []).length > 0 ? html`<ul class="ends">${why.ends.map((/** @type {any} */ end) => html`<li>${t("why.end", { n: end.times, why: reason(end.why), at: moment(end.last) })}</li>`)}</ul>` : nothing}
    ${(why.last_lines ?? []).length > 0 ? html`<p class="over">${t("why.lines")}</p><pre tabindex="0" aria-label=${t("why.lines")}>${why.last_lines.join("\n")}</pre>` : nothing}
    ${why.crash_file ? html`<p class="soft">${t("why.crash")} <code>${why.crash_file}</code></p>` : nothing}
    ${links ? html`<p class="links"><a href=${`#/logs?apps=${encodeURIComponent(group.name)}`} data-line=${line(["pm", "logs", group.name])}>${t("why.logs")}</a>
      <a href=${`#/app/${encodeURIComponent(group.name)}`} data-line=${line(["pm", "describe", group.name])}>${t("why.all")}</a></p>` : nothing}</div>`;
}
