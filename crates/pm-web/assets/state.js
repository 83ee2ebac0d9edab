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

let count = 0;
/** Counts changes: what is made of the state is made once for each. */
export const changes = () => count;

/** Draws at the next frame; many calls make one drawing. */
export function redraw() {
  count += 1;
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

/** Points of the small charts, newest last. @type {Map<number, {cpu: number[], memory: number[]}>} */
export const points = new Map();

const KEPT = 40;

/**
 * @param {number} id
 * @param {number|null} cpu
 * @param {number|null} memory
 */
export function addPoint(id, cpu, memory) {
  const of = points.get(id) ?? { cpu: [], memory: [] };
  of.cpu.push(cpu ?? 0);
  of.memory.push(memory ?? 0);
  if (of.cpu.length > KEPT) {
    of.cpu.shift();
    of.memory.shift();
  }
  points.set(id, of);
}
