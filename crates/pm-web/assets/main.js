// The page: knows where it is, who is signed in, what to hear of, and draws.

import { html, render } from "./vendor/lit/lit-html.js";
import { hasKey, holdKey, whenSignedOut } from "./api.js";
import { addHears, addScreen } from "./add.js";
import { setUpHeard, settleSetUp } from "./adding.js";
import { alertsScreen, leaveAlerts } from "./alerts.js";
import { leaveDomains } from "./domains.js";
import { appScreen } from "./app.js";
import { appsScreen, settleRows } from "./apps.js";
import { chartsLine, chartsScreen, settleCharts } from "./charts.js";
import { dialog, menu, settle } from "./dialogs.js";
import { listen, want } from "./events.js";
import { frame, tools } from "./frame.js";
import { press } from "./keys.js";
import { heard, hears, logsLine, logsScreen, readPlace, settleLogs } from "./logs.js";
import { byLink, enter, leave, linkOf, signInScreen } from "./signin.js";
import { addPoint, change, drawWith, points, redraw, rowsChanged, state, turnPoints } from "./state.js";
import { leaveSettings, settingsScreen } from "./settings.js";
import { look, settleStrip, strip, use } from "./strip.js";
import { preferred, speak, t } from "./words.js";

/** @type {Record<string, () => unknown>} */
const SCREENS = { apps: appsScreen, app: appScreen, logs: logsScreen, charts: chartsScreen, add: addScreen, alerts: alertsScreen, settings: settingsScreen };

const page = /** @type {HTMLElement} */ (document.getElementById("page"));

function draw() {
  if (state.stage === "starting") render(html`<div class="waiting whole"><i></i></div>`, page);
  else if (state.stage === "out") render(signInScreen(tools()), page);
  else render(html`${frame(html`${SCREENS[state.place.screen]()}${menu()}`, strip())}${dialog()}`, page);
  document.title = title();
  settle();
  settleRows();
  settleLogs();
  settleSetUp();
  settleCharts();
  settleStrip();
  if (state.stage === "in") want(wish());
}

function title() {
  if (state.stage !== "in") return "pm";
  const { screen, name } = state.place;
  return `${["app", "charts"].includes(screen) ? name : t(`frame.${screen}`)} · ${state.session?.host ?? ""} · pm`;
}

/** What this tab has to hear of. */
function wish() {
  const own = state.place.screen === "add" ? addHears() : [];
  const logs = own.length > 0 ? { topics: own.map((name) => `logs:${name}`), more: { stream: "both", past: "500" } } : hears();
  return { topics: ["apps", "usage", "host", ...logs.topics].join(","), ...logs.more };
}

/** @param {any} news */
function appsNews(news) {
  if (news.full) {
    state.rows.clear();
    state.loaded = true;
  }
  for (const row of news.apps ?? news.rows ?? []) state.rows.set(row.id, row);
  for (const id of news.gone ?? []) {
    state.rows.delete(id);
    points.delete(id);
  }
  for (const row of state.rows.values()) {
    if (row.memory !== null && !points.has(row.id)) addPoint(row.id, row.cpu, row.memory);
  }
  const names = new Set([...state.rows.values()].map((row) => row.name));
  for (const name of state.selected) if (!names.has(name)) state.selected.delete(name);
  state.daemonAway = false;
  rowsChanged();
}

/** @param {{rows: [number, number|null, number|null][]}} news */
function usageNews(news) {
  const heardOf = new Map(news.rows.map(([id, ...use]) => [id, use]));
  const turns = turnPoints();
  for (const row of state.rows.values()) {
    const use = heardOf.get(row.id);
    const [cpu, memory] = use ?? [row.cpu, row.memory];
    if (cpu !== row.cpu || memory !== row.memory) state.rows.set(row.id, { ...row, cpu, memory });
    addPoint(row.id, cpu, memory, turns);
  }
  rowsChanged();
}

/** @param {string} event @param {any} news */
function hear(event, news) {
  if (event === "apps") appsNews(news);
  else if (event === "usage") usageNews(news);
  else if (event === "host") change({ host: news });
  else if (event === "log") (state.place.screen === "add" ? setUpHeard : heard)(news);
  else if (event === "reconnecting") change({ daemonAway: true });
}

/** The address's fragment says where we are; a link there signs in, and is gone from it at once. */
function goTo() {
  const link = linkOf(location.hash);
  if (link) {
    history.replaceState(null, "", "#/apps");
    if (state.stage !== "in") {
      change({ stage: "out" });
      void byLink(link);
    }
  }
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [screen, name] = path.split("/");
  const known = Object.hasOwn(SCREENS, screen) && (!["app", "charts"].includes(screen) || name) ? screen : "apps";
  const moved = known !== state.place.screen || decodeURIComponent(name ?? "") !== state.place.name;
  change({ place: { screen: known, name: decodeURIComponent(name ?? ""), query: new URLSearchParams(query ?? "") } });
  if (known === "logs") readPlace();
  state.place.query.set("line", known === "charts" ? chartsLine(state.place.name) : logsLine());
  if (moved) {
    leaveSettings();
    leaveAlerts();
    leaveDomains();
  }
  if (moved && state.stage === "in") {
    scrollTo(0, 0);
    requestAnimationFrame(() => requestAnimationFrame(() => /** @type {HTMLElement|null} */ (document.querySelector("main h1"))?.focus({ preventScroll: true })));
  }
}

async function begin() {
  await speak(preferred());
  drawWith(draw);
  whenSignedOut(() => {
    holdKey(null);
    leave("signin.ended");
  });
  listen({
    hear,
    away: (away) => change({ away }),
    refused: () => {
      holdKey(null);
      leave("signin.ended");
    },
  });
  addEventListener("hashchange", goTo);
  addEventListener("resize", redraw);
  document.addEventListener("keydown", press);
  for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, look);
  document.addEventListener("click", use, { capture: true });
  const link = linkOf(location.hash);
  goTo();
  if (link) return;
  if (hasKey()) await known();
  else change({ stage: "out" });
}

/** Asks who we are until somebody answers. */
async function known() {
  try {
    await enter();
  } catch {
    change({ away: true });
    setTimeout(() => void known(), 1000);
  }
}

void begin();
