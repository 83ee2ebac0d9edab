// Icons and small charts, drawn as SVG.

import { html, svg } from "./vendor/lit/lit-html.js";

/** Paths on a grid of 20, strokes only. @type {Record<string, unknown>} */
const PATHS = {
  apps: svg`<rect x="3" y="3.5" width="14" height="5" rx="1.5"/><rect x="3" y="11.5" width="14" height="5" rx="1.5"/><path d="M6 6h.01M6 14h.01"/>`,
  logs: svg`<path d="M4 5h12M4 10h12M4 15h7"/>`,
  start: svg`<path d="M6.5 4.2v11.6l9-5.8z"/>`,
  stop: svg`<rect x="5" y="5" width="10" height="10" rx="1.5"/>`,
  restart: svg`<path d="M15.8 8A6.2 6.2 0 1 0 16 12.2M16 4v4h-4"/>`,
  more: svg`<path stroke-width="2.6" d="M4.5 10h.01M10 10h.01M15.5 10h.01"/>`,
  search: svg`<circle cx="9" cy="9" r="5"/><path d="m13 13 3.5 3.5"/>`,
  copy: svg`<rect x="7" y="7" width="9.5" height="9.5" rx="1.5"/><path d="M13 7V5a1.5 1.5 0 0 0-1.5-1.5H5A1.5 1.5 0 0 0 3.5 5v6.500A1.5 1.5 0 0 0 5 13h2"/>`,
  light: svg`<circle cx="10" cy="10" r="3.2"/><path d="M10 2.500v1.800M10 15.700v1.800M2.5 10h1.800M15.7 10h1.800M4.7 4.7 6 6M14 14l1.3 1.300M4.7 15.3 6 14M14 6l1.3-1.3"/>`,
  dark: svg`<path d="M16.3 11.900A6.7 6.7 0 0 1 8.1 3.700a6.7 6.7 0 1 0 8.2 8.200z"/>`,
  auto: svg`<circle cx="10" cy="10" r="6.5"/><path d="M10 3.500v13a6.5 6.5 0 0 0 0-13z" fill="currentColor"/>`,
  close: svg`<path d="m5.5 5.5 9 9M14.5 5.500l-9 9"/>`,
  back: svg`<path d="M12 4.5 6.5 10l5.5 5.5"/>`,
  open: svg`<path d="m8 4.5 5.5 5.500L8 15.5"/>`,
  keys: svg`<rect x="2.5" y="5" width="15" height="10" rx="1.8"/><path d="M6 8.500h.01M9 8.500h.01M12 8.500h.01M14.5 8.500h.01M7 12h6"/>`,
  out: svg`<path d="M8 3.500H5A1.5 1.5 0 0 0 3.5 5v10A1.5 1.5 0 0 0 5 16.500h3M12.5 13.5 16.5 10l-4-3.500M16 10H8"/>`,
  down: svg`<path d="m5 8 5 5 5-5"/>`,
  fetch: svg`<path d="M10 3.500v9M6.5 9.500 10 13l3.500-3.500M4 16.500h12"/>`,
  folder: svg`<path d="M3 6a1.5 1.5 0 0 1 1.5-1.5H8l2 2h5.5A1.5 1.5 0 0 1 17 8v6a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 3 14z"/>`,
  plus: svg`<path d="M10 4.5v11M4.5 10h11"/>`,
  alerts: svg`<path d="M5 14V9a5 5 0 0 1 10 0v5l1.500 1.500h-13zM8.500 15.500a1.500 1.500 0 0 0 3 0"/>`,
  settings: svg`<path d="M3 6h7M14 6h3M3 14h3M10 14h7"/><circle cx="12" cy="6" r="2"/><circle cx="8" cy="14" r="2"/>`,
  warn: svg`<path d="M10 3 17.5 16h-15zM10 8v4M10 14h.01"/>`,
};

/** @param {string} name */
export const icon = (name) => html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">${PATHS[name]}</svg>`;

/** A sign a status, so that colour is never needed. @param {string} tone */
export function sign(tone) {
  const inside = {
    good: svg`<circle cx="6" cy="6" r="4.5" fill="currentColor"/>`,
    passing: svg`<circle cx="6" cy="6" r="4"/><path d="M6 2a4 4 0 0 1 0 8z" fill="currentColor"/>`,
    bad: svg`<path d="m2.5 2.5 7 7M9.5 2.500l-7 7"/>`,
    quiet: svg`<circle cx="6" cy="6" r="4"/>`,
  }[tone];
  return html`<svg class="sign ${tone}" viewBox="0 0 12 12" aria-hidden="true" focusable="false">${inside}</svg>`;
}

/**
 * The last points as a line over a soft ground.
 * @param {number[]|undefined} values
 * @param {number} least the top of the scale is at least this
 */
export function sparkline(values, least) {
  const list = values && values.length > 0 ? values : [0, 0];
  const top = Math.max(least, ...list);
  const step = 64 / Math.max(1, list.length - 1);
  const at = list.map((value, index) => `${(index * step).toFixed(1)},${(17 - (value / top) * 15).toFixed(1)}`);
  if (at.length === 1) at.push(`64,${at[0].split(",")[1]}`);
  const line = at.join(" ");
  return html`<svg class="spark" viewBox="0 0 64 18" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    <polygon points="0,18 ${line} 64,18"></polygon><polyline points=${line}></polyline></svg>`;
}

/**
 * How full something is.
 * @param {number} part between 0 and 1
 */
export function gauge(part) {
  const full = Math.max(0, Math.min(1, part));
  const tone = full > 0.9 ? "bad" : full > 0.75 ? "passing" : "good";
  return html`<svg class="gauge ${tone}" viewBox="0 0 40 4" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    <rect class="all" width="40" height="4" rx="2"></rect><rect class="part" width=${(full * 40).toFixed(1)} height="4" rx="2"></rect></svg>`;
}
