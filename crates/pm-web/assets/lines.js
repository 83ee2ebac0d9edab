// The lines of logs on the page: a window of the newest, drawn by hand, for there may be fifty thousand a second.

import { bytes, clock, moment } from "./format.js";
import { paint } from "./ansi.js";
import { t } from "./words.js";

/** @typedef {import("./types.js").Line} Line */

const KEPT = 2000;
/** So many are compared with what comes again after a pause. */
const RECENT = 400;
/** More of one line than anybody reads at once. */
const LONG = 4000;

/** @param {Line} line */
const same = (line) => `${line.id} ${line.stream} ${line.at_ms} ${line.text}`;

export class Lines {
  /**
   * @param {HTMLElement} box
   * @param {() => void} moved told when the end is left or reached
   */
  constructor(box, moved) {
    this.box = box;
    this.follows = true;
    this.search = "";
    /** Names in the order of their colours. @type {string[]} */
    this.apps = [];
    /** Came while somebody read further up. @type {Line[]} */
    this.waiting = [];
    /** The last ones that are shown. @type {Line[]} */
    this.recent = [];
    box.addEventListener("scroll", () => {
      const ends = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
      if (ends === this.follows) return;
      this.follows = ends;
      if (ends) this.catchUp();
      moved();
    }, { passive: true });
  }

  /** So that the texts stand below each other: letters of some scripts are two wide. @param {string[]} apps */
  name(apps) {
    this.apps = apps;
    const wide = (/** @type {string} */ name) => [...name].reduce((all, letter) => all + (letter > "\u1100" ? 2 : 1), 0);
    const ch = Math.min(20, Math.max(4, ...apps.map(wide)));
    this.box.style.setProperty("--names", `${ch + 1}ch`);
  }

  clear() {
    this.box.replaceChildren();
    this.waiting = [];
    this.recent = [];
    this.follows = true;
  }

  /** What came live and was in the first page already. @param {Line[]} first @param {Line[]} live */
  static without(first, live) {
    const there = new Set(first.map(same));
    return live.filter((line) => !there.has(same(line)));
  }

  /** What is not there yet, of lines that were asked for again. @param {Line[]} list */
  unseen(list) {
    return Lines.without(this.recent.concat(this.waiting), list);
  }

  /** So much was not told. @param {number} skipped bytes */
  gap(skipped) {
    const row = document.createElement("div");
    row.className = "gap";
    row.textContent = t("logs.skipped", { size: bytes(skipped) });
    this.box.append(row);
  }

  /** @param {Line[]} lines newest ones */
  add(lines) {
    if (!this.follows) {
      this.waiting = this.waiting.concat(lines).slice(-KEPT);
      return;
    }
    this.recent = this.recent.concat(lines).slice(-RECENT);
    this.box.append(this.drawn(lines.slice(-KEPT)));
    while (this.box.childElementCount > KEPT) this.box.firstElementChild?.remove();
    this.box.scrollTop = this.box.scrollHeight;
  }

  /** To the end, with what has waited. */
  catchUp() {
    this.follows = true;
    const lines = this.waiting;
    this.waiting = [];
    this.add(lines);
  }

  /** @param {Line[]} lines older ones; what is seen stays where it is */
  addBefore(lines) {
    const before = this.box.scrollHeight - this.box.scrollTop;
    this.follows = false;
    this.box.prepend(this.drawn(lines));
    this.box.scrollTop = this.box.scrollHeight - before;
  }

  /** @param {Line[]} lines */
  drawn(lines) {
    const all = document.createDocumentFragment();
    for (const line of lines) all.append(this.one(line));
    return all;
  }

  /** @param {Line} line */
  one(line) {
    const row = document.createElement("div");
    const hue = Math.max(0, this.apps.indexOf(line.app)) % 8;
    row.className = `line hue${hue} ${line.stream}`;
    const at = document.createElement("time");
    if (line.at_ms) {
      at.textContent = clock(line.at_ms);
      at.title = moment(line.at_ms);
    }
    const app = document.createElement("b");
    app.textContent = line.app;
    const text = document.createElement("span");
    text.className = "text";
    const cut = line.text.length > LONG;
    this.put(text, cut ? line.text.slice(0, LONG) : line.text);
    row.append(at, app, text);
    if (line.stream === "err") app.title = t("logs.err");
    if (cut) row.append(this.rest(text, line.text));
    return row;
  }

  /** @param {HTMLElement} into @param {string} whole */
  rest(into, whole) {
    const button = document.createElement("button");
    button.className = "link";
    button.textContent = t("logs.long", { n: whole.length });
    button.addEventListener("click", () => {
      into.replaceChildren();
      this.put(into, whole);
      button.remove();
    });
    return button;
  }

  /** @param {HTMLElement} into @param {string} text */
  put(into, text) {
    paint(into, text, (place, part) => this.write(place, part));
  }

  /** Plain text, with what was searched for marked. @param {Node} into @param {string} text */
  write(into, text) {
    if (this.search === "") return void into.appendChild(document.createTextNode(text));
    let from = 0;
    for (let at = text.indexOf(this.search); at >= 0; at = text.indexOf(this.search, from)) {
      into.appendChild(document.createTextNode(text.slice(from, at)));
      const mark = document.createElement("mark");
      mark.textContent = this.search;
      into.appendChild(mark);
      from = at + this.search.length;
    }
    into.appendChild(document.createTextNode(text.slice(from)));
  }
}
