// Colours of a log line (SGR) as spans; their text is set as text, whatever it says.

/** The 16 colours, to find the nearest of a finer palette: the page's own shades are readable on its ground. */
const SHADES = [
  [0, 0, 0], [205, 49, 49], [13, 188, 121], [229, 229, 16], [36, 114, 200], [188, 63, 188], [17, 168, 205], [229, 229, 229],
  [102, 102, 102], [241, 76, 76], [35, 209, 139], [245, 245, 67], [59, 142, 234], [214, 112, 214], [41, 184, 219], [255, 255, 255],
];

/** @param {number[]} rgb */
function nearest(rgb) {
  const far = SHADES.map((shade) => shade.reduce((all, part, at) => all + (part - rgb[at]) ** 2, 0));
  return far.indexOf(Math.min(...far));
}

/** One of 256. @param {number} number */
function ofPalette(number) {
  if (number < 16) return number;
  if (number >= 232) return nearest(Array(3).fill(8 + (number - 232) * 10));
  const cube = number - 16;
  const level = (/** @type {number} */ at) => (at === 0 ? 0 : 55 + at * 40);
  return nearest([level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]);
}

/** @typedef {{ink: number, ground: number, marks: Set<string>}} Look */

/** @type {Record<number, string>} */
const MARKS = { 1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "swapped", 9: "struck" };
/** @type {Record<number, string[]>} */
const ENDS = { 22: ["bold", "dim"], 23: ["italic"], 24: ["under"], 27: ["swapped"], 29: ["struck"] };

/**
 * `38;5;N` and `38;2;R;G;B`.
 * @param {number[]} codes
 * @returns {number} the shade, or -1; what it used is taken off
 */
function fine(codes) {
  const kind = codes.shift();
  if (kind === 5) return ofPalette(Math.min(255, codes.shift() ?? 0));
  if (kind === 2) return nearest([codes.shift() ?? 0, codes.shift() ?? 0, codes.shift() ?? 0]);
  return -1;
}

/** @param {Look} look @param {number[]} codes */
function apply(look, codes) {
  while (codes.length > 0) {
    const code = /** @type {number} */ (codes.shift());
    if (code === 0) {
      look.ink = look.ground = -1;
      look.marks.clear();
    } else if (MARKS[code]) look.marks.add(MARKS[code]);
    else if (ENDS[code]) ENDS[code].forEach((mark) => look.marks.delete(mark));
    else if (code >= 30 && code <= 37) look.ink = code - 30;
    else if (code >= 90 && code <= 97) look.ink = code - 82;
    else if (code >= 40 && code <= 47) look.ground = code - 40;
    else if (code >= 100 && code <= 107) look.ground = code - 92;
    else if (code === 38) look.ink = fine(codes);
    else if (code === 48) look.ground = fine(codes);
    else if (code === 39) look.ink = -1;
    else if (code === 49) look.ground = -1;
  }
}

/** @param {Look} look */
const names = (look) => [
  ...(look.ink >= 0 ? [`ink${look.ink}`] : []), ...(look.ground >= 0 ? [`ground${look.ground}`] : []), ...look.marks,
];

/**
 * Puts a line into an element.
 * @param {HTMLElement} into
 * @param {string} text
 * @param {(into: Node, text: string) => void} write how plain text is put there
 */
export function paint(into, text, write) {
  /** @type {Look} */
  const look = { ink: -1, ground: -1, marks: new Set() };
  text.split(/\x1b\[([\d;:]*)m/).forEach((part, at) => {
    if (at % 2 === 1) return apply(look, part.split(/[;:]/).map(Number));
    if (part === "") return;
    const classes = names(look);
    if (classes.length === 0) return write(into, part);
    const span = document.createElement("span");
    span.className = classes.join(" ");
    write(span, part);
    into.append(span);
  });
}
