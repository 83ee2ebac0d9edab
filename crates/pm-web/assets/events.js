// One stream of news for the tab, read with `fetch` (an EventSource can't send a key), closed while nobody looks.

import { headers, refusal } from "./api.js";

/** @typedef {(event: string, data: any) => void} Hear */

/** @type {Hear} */
let hear = () => {};
/** @type {(away: boolean) => void} */
let tellAway = () => {};
/** @type {() => void} */
let tellRefused = () => {};

let query = "";
let lastId = "";
/** @type {AbortController|null} */
let open = null;
let wanted = false;
let pause = 0;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let later;

/**
 * @param {{hear: Hear, away: (away: boolean) => void, refused: () => void}} to
 */
export function listen(to) {
  hear = to.hear;
  tellAway = to.away;
  tellRefused = to.refused;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (wanted) begin();
  });
}

/**
 * What this tab wants to hear; another wish opens the stream anew.
 * @param {Record<string, string>} wish as in the address
 */
export function want(wish) {
  const now = String(new URLSearchParams(wish));
  if (wanted && now === query) return;
  query = now;
  lastId = "";
  wanted = true;
  close();
  if (!document.hidden) begin();
}

/** Ends it, for somebody who signs out. */
export function hush() {
  wanted = false;
  lastId = "";
  close();
}

function close() {
  clearTimeout(later);
  open?.abort();
  open = null;
}

function begin() {
  close();
  pause = 0;
  void stay();
}

/** One connection after the other, until it is closed on purpose. */
async function stay() {
  const mine = new AbortController();
  open = mine;
  try {
    const more = lastId ? { "Last-Event-ID": lastId } : {};
    const answer = await fetch(`api/events?${query}`, {
      headers: headers({ Accept: "text/event-stream", ...more }), signal: mine.signal, cache: "no-store",
    });
    if (answer.status === 401) return tellRefused();
    if (!answer.ok || !answer.body) throw await refusal(answer);
    tellAway(false);
    pause = 0;
    await read(answer.body);
  } catch {
    // Told below: whatever it was, it is tried again.
  }
  if (open !== mine) return;
  tellAway(true);
  pause = Math.min(pause === 0 ? 250 : pause * 2, 5000);
  later = setTimeout(() => void stay(), pause);
}

/** @param {ReadableStream<Uint8Array>} body */
async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value.replaceAll("\r\n", "\n");
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    blocks.forEach(one);
  }
}

/** @param {string} block one event */
function one(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at < 1) continue;
    const field = line.slice(0, at);
    const value = line.slice(at + 1).replace(/^ /, "");
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "id") lastId = value;
  }
  if (data.length > 0) hear(event, JSON.parse(data.join("\n")));
}
