// What an app used: charts over an hour to a year, the same as tables, and into which one can zoom.

import { html, nothing } from "./vendor/lit/lit-html.js";
import { get } from "./api.js";
import { line } from "./deeds.js";
import { bytes, day, moment, percent } from "./format.js";
import { groups } from "./groups.js";
import { icon } from "./shapes.js";
import { redraw, state } from "./state.js";
import { t } from "./words.js";

/** @typedef {{times: number[], step: number, restarts: [number, number][], kept: boolean, cpu: any, memory: any}} Past */

const SPANS = { "1h": 3_600_000, "6h": 21_600_000, "1d": 86_400_000, "7d": 604_800_000, "30d": 2_592_000_000, "1y": 31_536_000_000 };
const FIGURES = /** @type {const} */ (["cpu", "memory"]);
/** Rows of a table, at most. */
const ROWS = 60;
/** Instances that are added up, at most. */
const MOST = 16;

/** Memory is counted in powers of two. */
const SIZES = Array.from({ length: 30 }, (_, at) => 2 ** (12 + at));

/** What is shown: what was asked for, and what came. */
const view = { key: "", wanted: "", from: 0, to: 0, past: /** @type {Past|null} */ (null), wrong: /** @type {any} */ (null), tables: false };
/** What is drawn, to be taken away. @type {Map<string, {key: string, away: () => void}>} */
const drawn = new Map();
/** The file that draws, once somebody has looked at a chart. @type {any} */
let plots = null;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let later;

/** The address says of which time. */
function wanted() {
  const { query } = state.place;
  const span = query.get("span") ?? "6h";
  const [from, to] = [Number(query.get("from")), Number(query.get("to"))];
  if (from > 0 && to > from) return { span: "", from, to };
  const known = Object.hasOwn(SPANS, span) ? span : "6h";
  const now = Date.now();
  return { span: known, from: now - SPANS[/** @type {keyof SPANS} */ (known)], to: now };
}

/** @param {Record<string, string>} query */
function goTo(query) {
  location.replace(`#/charts/${encodeURIComponent(state.place.name)}?${new URLSearchParams(query)}`);
}

/** @param {number} from @param {number} to in ms */
const zoom = (from, to) => goTo({ from: String(Math.round(from)), to: String(Math.round(Math.max(to, from + 120_000))) });

/** The command that says the same. @param {string} name */
export function chartsLine(name) {
  const { span, from } = wanted();
  return line(["pm", "history", name, "--since", span === "1y" ? "365d" : span || moment(from).slice(0, 16)]);
}

/** Instances of an app added up, each step where all that were looked at are. @param {any[]} all @returns {Past} */
function added(all) {
  const step = Math.max(...all.map((one) => one.step_ms));
  const known = all.filter((one) => one.step_ms === step && one.cpu.avg.length > 0);
  const from = Math.min(...known.map((one) => one.begin_ms));
  const to = Math.max(...known.map((one) => one.begin_ms + one.cpu.avg.length * step));
  const length = known.length > 0 ? Math.round((to - from) / step) : 0;
  const times = Array.from({ length }, (_, at) => (from + at * step) / 1000);
  const sum = (/** @type {"cpu"|"memory"} */ what, /** @type {string} */ which) => {
    /** @type {(number|null)[]} */
    const list = Array.from({ length }, () => null);
    for (const one of known) {
      const begin = Math.round((one.begin_ms - from) / step);
      one[what][which].forEach((/** @type {number|null} */ value, /** @type {number} */ at) => {
        if (value !== null) list[begin + at] = (list[begin + at] ?? 0) + value;
      });
    }
    return list;
  };
  const figure = (/** @type {"cpu"|"memory"} */ what) => ({ min: sum(what, "min"), avg: sum(what, "avg"), max: sum(what, "max") });
  return { times, step, kept: all.some((one) => one.kept), restarts: all.flatMap((one) => one.restarts), cpu: figure("cpu"), memory: figure("memory") };
}

/** @param {import("./types.js").Group} group */
async function load(group) {
  const mine = view.key;
  const { from, to } = wanted();
  const ids = group.rows.slice(0, MOST).map((row) => row.id);
  const ask = (/** @type {number} */ id, step = 0) => get(`apps/${id}/history?${new URLSearchParams({ since: String(from), until: String(to), step: String(step) })}`);
  try {
    const [all, file] = await Promise.all([Promise.all(ids.map((id) => ask(id))), plots ?? import("./plots.js")]);
    plots = file;
    const step = Math.max(...all.map((one) => one.step_ms));
    const alike = await Promise.all(all.map((one, at) => (one.step_ms === step ? one : ask(ids[at], step))));
    if (mine !== view.key) return;
    Object.assign(view, { past: added(alike), from, to, wrong: null, wanted: `${mine} ${to}` });
  } catch (error) {
    if (mine === view.key) view.wrong = error;
  }
  clearTimeout(later);
  // What goes up to now goes on.
  if (wanted().span && !view.wrong) later = setTimeout(() => { if (mine === view.key && state.place.screen === "charts") void load(group); }, 30_000);
  redraw();
}

/** After each drawing: what is not known is asked for, and what is known is drawn into its box. */
export function settleCharts() {
  const group = state.place.screen === "charts" ? groups().find((one) => one.name === state.place.name) : null;
  if (!group) {
    drop();
    view.key = "";
    return;
  }
  const { query } = state.place;
  const key = [group.name, query.get("span"), query.get("from"), query.get("to"), group.rows.length].join();
  if (key !== view.key) {
    if (view.key.split(",")[0] !== group.name) view.past = null;
    view.key = key;
    void load(group);
  }
  for (const what of FIGURES) draw(what);
}

function drop() {
  drawn.forEach((one) => one.away());
  drawn.clear();
}

/** @param {"cpu"|"memory"} what */
function draw(what) {
  const box = document.getElementById(`plot-${what}`);
  const old = drawn.get(what);
  const past = view.past;
  if (!box || !past || !plots) {
    old?.away();
    drawn.delete(what);
    return;
  }
  const key = [view.wanted, box.clientWidth, getComputedStyle(box).color, document.documentElement.lang].join();
  if (old?.key === key && box.firstChild) return;
  // Somebody drags over a part of it: it is drawn anew when they have let go.
  if (old && box.matches(":active")) return;
  old?.away();
  const show = what === "cpu" ? percent : bytes;
  const readout = document.getElementById(`read-${what}`);
  const figure = past[what];
  const away = plots.plot(box, {
    times: past.times, ...figure, marks: past.restarts.map(([at]) => at / 1000), span: [view.from / 1000, view.to / 1000],
    least: what === "cpu" ? 1 : 1 << 20, steps: what === "cpu" ? undefined : SIZES, value: show,
    time: (/** @type {number} */ at) => (view.to - view.from > 172_800_000 ? day(at * 1000) : moment(at * 1000).slice(11, 16)),
    look: (/** @type {number|null} */ at) => {
      const value = at === null ? null : figure.avg[at];
      if (readout) readout.textContent = at === null || value === null ? "" : `${moment(past.times[at] * 1000)} · ${t("charts.at", { min: show(figure.min[at]), avg: show(value), max: show(figure.max[at]) })}`;
    },
    zoom: (/** @type {number} */ from, /** @type {number} */ to) => zoom(from * 1000, to * 1000),
  });
  drawn.set(what, { key, away });
}

/** @param {any} figure @param {Past} past @param {number} from @param {number} to */
function over(figure, past, from, to) {
  const known = (/** @type {string} */ which) => figure[which].slice(from, to).filter((/** @type {number|null} */ value) => value !== null);
  const mean = known("avg");
  if (mean.length === 0) return null;
  const end = past.times[to - 1] + past.step / 1000;
  return {
    at: past.times[from] * 1000, min: Math.min(...known("min")), max: Math.max(...known("max")),
    avg: mean.reduce((/** @type {number} */ all, /** @type {number} */ one) => all + one, 0) / mean.length,
    restarts: past.restarts.filter(([at]) => at / 1000 >= past.times[from] && at / 1000 < end).reduce((all, [, count]) => all + count, 0),
  };
}

/** @param {"cpu"|"memory"} what @param {Past} past */
function table(what, past) {
  const show = what === "cpu" ? percent : bytes;
  const each = Math.max(1, Math.ceil(past.times.length / ROWS));
  const rows = Array.from({ length: Math.ceil(past.times.length / each) }, (_, at) => over(past[what], past, at * each, Math.min((at + 1) * each, past.times.length))).filter((one) => one !== null);
  return html`<div class="scroll figures" tabindex="0" role="group" aria-label=${t(`list.${what}`)}><table class="small">
    <thead><tr><th scope="col">${t("charts.time")}</th><th scope="col">${t("charts.min")}</th><th scope="col">${t("charts.avg")}</th><th scope="col">${t("charts.max")}</th><th scope="col">${t("list.restarts")}</th></tr></thead>
    <tbody>${rows.toReversed().map((one) => html`<tr><th scope="row">${moment(one.at)}</th><td>${show(one.min)}</td><td>${show(one.avg)}</td><td>${show(one.max)}</td><td>${one.restarts || ""}</td></tr>`)}</tbody></table></div>`;
}

/** @param {"cpu"|"memory"} what */
function panel(what) {
  const { past } = view;
  const show = what === "cpu" ? percent : bytes;
  const whole = past && past.times.length > 0 ? over(past[what], past, 0, past.times.length) : null;
  const sum = whole ? t("charts.at", { min: show(whole.min), avg: show(whole.avg), max: show(whole.max) }) : "";
  return html`<section class="panel chart"><h2>${t(`list.${what}`)}<span class="soft sum">${sum}</span></h2>
    ${view.tables && past ? table(what, past) : html`<div class="plot" id=${`plot-${what}`} role="img" aria-label=${t("charts.says", { what: t(`list.${what}`), sum })}></div><p class="readout soft" id=${`read-${what}`}></p>`}</section>`;
}

function tools() {
  const { span, from, to } = wanted();
  const half = (to - from) / 2;
  const turn = (/** @type {boolean} */ on) => () => { view.tables = on; redraw(); };
  return html`<div class="filters">
    <div class="segments" role="group" aria-label=${t("charts.span")}>${Object.keys(SPANS).map((one) => html`<button aria-pressed=${String(one === span)} @click=${() => goTo({ span: one })}>${t(`charts.span.${one}`)}</button>`)}</div>
    <div class="steps"><button class="plain" aria-label=${t("charts.earlier")} title=${t("charts.earlier")} @click=${() => zoom(from - half, to - half)}>${icon("back")}</button>
      <button class="plain" aria-label=${t("charts.later")} title=${t("charts.later")} ?disabled=${Boolean(span)} @click=${() => (to + half >= Date.now() ? zoom(Date.now() - 2 * half, Date.now()) : zoom(from + half, to + half))}>${icon("open")}</button></div>
    <div class="segments" role="group" aria-label=${t("charts.as")}>${[false, true].map((on) => html`<button aria-pressed=${String(view.tables === on)} @click=${turn(on)}>${t(on ? "charts.table" : "charts.chart")}</button>`)}</div></div>`;
}

function body() {
  const { past, wrong } = view;
  if (wrong) return html`<p class="note bad" role="alert">${wrong.message} ${wrong.hint ?? ""}</p>`;
  if (!past) return html`<div class="waiting" role="status"><span class="unseen">${t("list.loading")}</span><i></i><i></i></div>`;
  const told = past.kept ? (past.times.length === 0 ? t("charts.nothing") : "") : t("charts.off");
  const restarts = past.restarts.reduce((all, [, count]) => all + count, 0);
  return html`${told ? html`<p class="note">${told}</p>` : nothing}
    ${past.times.length > 0 ? html`${FIGURES.map(panel)}<p class="soft">${t("charts.step", { span: past.step < 60_000 ? t("span.s", { v: past.step / 1000 }) : past.step < 3_600_000 ? t("span.m", { v: past.step / 60_000 }) : t("span.h", { v: past.step / 3_600_000 }) })}
      ${restarts > 0 ? html`<span class="marked">${t("charts.restarts", { n: restarts })}</span>` : nothing}</p>` : nothing}`;
}

export function chartsScreen() {
  const { name } = state.place;
  const group = groups().find((one) => one.name === name);
  if (state.loaded && !group) return html`<h1 tabindex="-1">${name}</h1><div class="empty small"><p>${t("app.gone", { name })}</p><a class="plain" href="#/apps">${t("app.back")}</a></div>`;
  return html`<div class="title app"><a class="back" href=${`#/app/${encodeURIComponent(name)}`} aria-label=${t("charts.back", { name })} title=${t("charts.back", { name })}>${icon("back")}</a>
      <div><h1 tabindex="-1">${name}</h1><p class="soft">${t("charts.title")}</p></div></div>${tools()}${body()}`;
}
