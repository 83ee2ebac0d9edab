// All text of the page: two tables with equal keys, one of them loaded. No other module has a word people read.

const KNOWN = ["en", "zh"];

/** @type {Record<string, string>} */
let table = {};
let current = "en";
/** @type {Intl.PluralRules} */
let plural = new Intl.PluralRules("en");

/** @returns {string} the language in use */
export const language = () => current;

/** @returns {string} what was chosen, or what the browser prefers */
export function preferred() {
  let kept = null;
  try {
    kept = localStorage.getItem("pm.lang");
  } catch {
    // Nothing is kept in such a browser.
  }
  const wanted = [kept, ...navigator.languages].filter(Boolean);
  const found = wanted.map((tag) => String(tag).slice(0, 2).toLowerCase()).find((tag) => KNOWN.includes(tag));
  return found ?? "en";
}

/**
 * Loads a language and says so to the document.
 * @param {string} tag
 */
export async function speak(tag) {
  const answer = await fetch(new URL(`./words/${tag}.json`, import.meta.url));
  table = await answer.json();
  current = tag;
  plural = new Intl.PluralRules(tag);
  document.documentElement.lang = tag === "zh" ? "zh-CN" : "en";
}

/** @param {string} tag */
export function remember(tag) {
  try {
    localStorage.setItem("pm.lang", tag);
  } catch {
    // It lasts as long as the page then.
  }
}

/** @param {string} key */
export const known = (key) => Object.hasOwn(table, key);

/**
 * The text of a key; `{name}` is replaced. With `n` among the values the key's plural form is taken, if it has some.
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  let text = table[key];
  if (typeof values.n === "number") {
    text = table[`${key}.${plural.select(values.n)}`] ?? table[`${key}.other`] ?? text;
  }
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
