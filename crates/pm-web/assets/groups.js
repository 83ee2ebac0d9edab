// Instances of one name are one line; what is wrong with any of them is what the line says.

import { rowsTurn, state } from "./state.js";

/** @type {Record<string, "good"|"passing"|"quiet"|"bad">} */
const TONES = {
  online: "good", launching: "passing", stopping: "passing", "waiting restart": "passing", waiting: "passing",
  stopped: "quiet", scheduled: "quiet", errored: "bad", failed: "bad", unhealthy: "bad",
};
const WORST = ["errored", "failed", "unhealthy", "waiting restart", "stopping", "launching", "waiting", "stopped", "scheduled", "online"];
const UP = new Set(["online", "launching", "unhealthy"]);

/** @param {string} status */
export const tone = (status) => TONES[status] ?? "passing";
/** @param {string} status */
export const isUp = (status) => UP.has(status);

/** How it looks: one that is up and has just failed is not well. @param {import("./types.js").Group} group */
export const look = (group) => (group.code === "amiss" ? "passing" : tone(group.status));
/** Whether somebody should look after it: it failed, or fails again and again. @param {import("./types.js").Group} group */
export const isTrouble = (group) => tone(group.status) === "bad" || group.code === "amiss" || group.status === "waiting restart";

/** @param {number|null} left @param {number|null} right */
const sum = (left, right) => (left === null ? right : right === null ? left : left + right);

/**
 * @param {import("./types.js").Row[]} rows of one name
 * @returns {import("./types.js").Group}
 */
function group(rows) {
  const [first] = rows;
  // Of those that are up the one that has something to say.
  const rank = (/** @type {import("./types.js").Row} */ row) => ((WORST.indexOf(row.status) + WORST.length) % WORST.length) - (row.note ? 0.5 : 0);
  const worst = rows.reduce((bad, row) => (rank(row) < rank(bad) ? row : bad), first);
  const begun = rows.map((row) => row.since_ms).filter((at) => at !== null && at > 0);
  const steady = {
    name: first.name,
    namespace: first.namespace,
    status: worst.status,
    up: rows.filter((row) => isUp(row.status)).length,
    restarts: rows.reduce((all, row) => all + row.restarts, 0),
    ports: [...new Set(rows.flatMap((row) => row.ports ?? []))].sort((a, b) => a - b),
    why: worst.note ?? null,
    code: worst.why ?? null,
    waitsFor: worst.waits_for ?? null,
  };
  return {
    ...steady,
    rows,
    stamp: JSON.stringify([steady, rows.map((row) => [row.id, row.status])]),
    cpu: rows.reduce((all, row) => sum(all, row.cpu), /** @type {number|null} */ (null)),
    memory: rows.reduce((all, row) => sum(all, row.memory), /** @type {number|null} */ (null)),
    since: begun.length > 0 ? Math.min(.../** @type {number[]} */ (begun)) : null,
  };
}

const order = new Intl.Collator(undefined, { numeric: true });

/** @type {import("./types.js").Group[]} */
let made = [];
/** @type {Set<string>} */
let spaces = new Set();
let madeAt = -1;

/** All of them, by name. @returns {import("./types.js").Group[]} */
export function groups() {
  if (madeAt !== rowsTurn()) {
    made = all();
    spaces = new Set(made.map((one) => one.namespace));
    madeAt = rowsTurn();
  }
  return made;
}

/** Whether a namespace is called so. @param {string} name */
export const isNamespace = (name) => groups().length > 0 && spaces.has(name);

/** The same as they were made last, by name, in the order of names. @type {Map<string, import("./types.js").Group>} */
let last = new Map();

function all() {
  /** @type {Map<string, import("./types.js").Row[]>} */
  const byName = new Map();
  for (const row of [...state.rows.values()].sort((a, b) => a.id - b.id)) {
    const rows = byName.get(row.name);
    if (rows) rows.push(row);
    else byName.set(row.name, [row]);
  }
  const areSame = byName.size === last.size && [...byName.keys()].every((name) => last.has(name));
  const names = areSame ? [...last.keys()] : [...byName.keys()].sort(order.compare);
  last = new Map(names.map((name) => {
    const rows = byName.get(name) ?? [];
    const old = last.get(name);
    const isSame = old?.rows.length === rows.length && rows.every((row, at) => row === old?.rows[at]);
    return [name, old && isSame ? old : group(rows)];
  }));
  return [...last.values()];
}

/** What the filter lets through, in the wanted order. @param {import("./types.js").Group[]} all */
export function shown(all) {
  const { text, show, namespace, sort, down } = state.filter;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (/** @type {import("./types.js").Group} */ one) => {
    const hay = `${one.name} ${one.namespace} ${one.status} ${one.ports.map((port) => `:${port}`).join(" ")}`.toLowerCase();
    const isFine = (one.up === one.rows.length && !isTrouble(one)) || one.status === "scheduled";
    return words.every((word) => hay.includes(word)) && (!namespace || one.namespace === namespace)
      && (show === "all" || (show === "up") === isFine);
  };
  const list = all.filter(fits);
  const value = (/** @type {any} */ one) => one[sort] ?? 0;
  if (sort !== "name") list.sort((a, b) => value(b) - value(a));
  return down ? list.reverse() : list;
}
