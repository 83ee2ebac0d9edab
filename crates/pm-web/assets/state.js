// What the page knows, in one place; whoever changes it asks for a drawing, and the next frame draws once.

/**
 * @typedef {object} State
 * @property {import("./types.js").Session|null} session
 * @property {"starting"|"out"|"in"} stage
 * @property {{screen: string, name: string, query: URLSearchParams}} place
 * @property {Map<number, import("./types.js").Row>} rows
 * @property {boolean} loaded whether a list has come
 * @property {boolean} away whether the stream is broken
 * @property {boolean} daemonAway whether the panel waits for the daemon
 * @property {any} host
 * @property {Set<string>} selected
 * @property {{text: string, show: string, namespace: string, sort: string, down: boolean}} filter
 * @property {any} strip
 * @property {any} asking the open dialog
 * @property {Map<string, any>} whys
 * @property {boolean} adds whether projects can be added here
 */

/** @type {State} */
export const state = {
  session: null,
  stage: "starting",
  place: { screen: "apps", name: "", query: new URLSearchParams() },
  rows: new Map(),
  loaded: false,
  away: false,
  daemonAway: false,
  host: null,
  selected: new Set(),
  filter: { text: "", show: "all", namespace: "", sort: "name", down: false },
  strip: null,
  asking: null,
  whys: new Map(),
  adds: false,
};

let draw = () => {};
let asked = false;

/** @param {() => void} how */
export function drawWith(how) {
  draw = how;
}

/** Draws at the next frame; many calls make one drawing. */
export function redraw() {
  if (asked) return;
  asked = true;
  const now = () => {
    asked = false;
    draw();
  };
  // A hidden page has no frames.
  if (document.hidden) setTimeout(now, 200);
  else requestAnimationFrame(now);
}

/** @param {Partial<State>} part */
export function change(part) {
  Object.assign(state, part);
  redraw();
}

let turn = 0;
/** Counts news of the rows and their points: what is made of them is made once for each. */
export const rowsTurn = () => turn;

/** Rows are never changed, only replaced: one that is the same is drawn the same. */
export function rowsChanged() {
  turn += 1;
  redraw();
}

/** Points of the small charts, newest last. @type {Map<number, {cpu: number[], memory: number[]}>} */
export const points = new Map();

const KEPT = 40;
/** For how long a point stands, in ms; 0: each figure is one. */
let step = 0;
let turnedAt = 0;

/** What was written down before the page was opened. @param {{step_ms: number, rows: [number, (number|null)[], (number|null)[]][]}} past */
export function pastPoints(past) {
  if (past.rows.length === 0) return;
  step = past.step_ms;
  turnedAt = Date.now();
  for (const [id, cpu, memory] of past.rows) {
    // Before it was there it used nothing that could be drawn.
    const begin = Math.max(memory.findIndex((one) => one !== null), memory.length - KEPT + 1, 0);
    const known = (/** @type {(number|null)[]} */ list) => list.slice(begin).map((one) => one ?? 0);
    points.set(id, { cpu: known(cpu), memory: known(memory) });
  }
  rowsChanged();
}

/** Whether figures begin a new point now. */
export function turnPoints() {
  const turns = Date.now() - turnedAt >= step;
  if (turns) turnedAt = Date.now();
  return turns;
}

/**
 * @param {number} id
 * @param {number|null} cpu
 * @param {number|null} memory
 * @param {boolean} [turns] whether it is a new point, not the last one again
 */
export function addPoint(id, cpu, memory, turns = true) {
  const of = points.get(id) ?? { cpu: [], memory: [] };
  if (!turns) {
    of.cpu.pop();
    of.memory.pop();
  }
  of.cpu.push(cpu ?? 0);
  of.memory.push(memory ?? 0);
  if (of.cpu.length > KEPT) {
    of.cpu.shift();
    of.memory.shift();
  }
  points.set(id, of);
}
