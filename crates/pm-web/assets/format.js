// Numbers and times as people read them.

import { t } from "./words.js";

const SIZES = ["B", "K", "M", "G", "T"];

/**
 * Bytes, in units of 1024.
 * @param {number|null|undefined} bytes
 */
export function bytes(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < SIZES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const shown = unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1);
  return `${shown} ${SIZES[unit]}`;
}

/** @param {number|null|undefined} percent */
export function percent(percent) {
  if (percent === null || percent === undefined) return "–";
  return `${percent >= 10 ? Math.round(percent) : percent.toFixed(1)}%`;
}

/**
 * A span of time in its largest unit.
 * @param {number} ms
 */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return t("span.s", { v: seconds });
  if (seconds < 3600) return t("span.m", { v: Math.floor(seconds / 60) });
  if (seconds < 86400) return t("span.h", { v: Math.floor(seconds / 3600) });
  return t("span.d", { v: Math.floor(seconds / 86400) });
}

/**
 * A short life with its fraction: ends of runs are often within a second.
 * @param {number} ms
 */
export const lived = (ms) => (ms < 10_000 ? t("span.s", { v: (ms / 1000).toFixed(1) }) : span(ms));

const two = (/** @type {number} */ value) => String(value).padStart(2, "0");

/** The time of day, with its fraction. @param {number} at ms since 1970 */
export function clock(at) {
  const date = new Date(at);
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** The day alone. @param {number} at ms since 1970 */
export function day(at) {
  const date = new Date(at);
  return `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Day and time, as the command line writes them. @param {number} at ms since 1970 */
export function moment(at) {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(at).slice(0, 8)}`;
}
