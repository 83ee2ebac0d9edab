// Calls to the server. The key lives in this tab, or in this browser if asked for; never in a cookie or an address.

import { known, t } from "./words.js";

const KEY = "pm.key";

/** @type {string|null} */
let key = null;
try {
  key = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
} catch {
  // It lives as long as the page then.
}

/** @type {() => void} */
let signedOut = () => {};

/** @param {() => void} what to do when the server no longer knows the key */
export function whenSignedOut(what) {
  signedOut = what;
}

export const hasKey = () => key !== null;

/**
 * @param {string|null} value
 * @param {boolean} keep whether it outlives the tab
 */
export function holdKey(value, keep = false) {
  key = value;
  try {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
    if (value) (keep ? localStorage : sessionStorage).setItem(KEY, value);
  } catch {
    // As above.
  }
}

/** What the server would not do, in the words of the page where it has some. */
export class Refusal extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string|null} hint
   * @param {number} status
   */
  constructor(code, message, hint, status) {
    const own = `refused.${code}`;
    // Numbers stand in the message only.
    super(known(own) ? t(own, { v: /\d+/.exec(message)?.[0] ?? "" }) : message);
    this.code = code;
    this.hint = known(`${own}.hint`) ? t(`${own}.hint`) : hint;
    this.status = status;
  }
}

/** @param {Record<string, string>} more */
export const headers = (more = {}) => (key ? { Authorization: `Bearer ${key}`, ...more } : more);

/** @param {Response} answer */
export async function refusal(answer) {
  const said = await answer.json().catch(() => ({}));
  const code = String(said.code ?? `http_${answer.status}`);
  return new Refusal(code, String(said.message ?? t("error.status", { status: answer.status })), said.hint ?? null, answer.status);
}

/**
 * @param {string} method
 * @param {string} path below `api/`
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  /** @type {RequestInit} */
  const asked = { method, headers: headers(method === "GET" ? {} : { "Content-Type": "application/json" }), cache: "no-store" };
  if (body) asked.body = JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(`api/${path}`, asked);
  } catch {
    throw new Refusal("unreachable", t("refused.unreachable"), t("refused.unreachable.hint"), 0);
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const refused = await refusal(answer);
  if (answer.status === 401 && path !== "session") signedOut();
  throw refused;
}

/** @param {string} path */
export const get = (path) => call("GET", path);

/**
 * @param {string} path
 * @param {object} body
 */
export const post = (path, body) => call("POST", path, body);
