// Draws one chart with uPlot: the mean as a line, least and most as a ground behind it. A file of its own, loaded with the first chart.

import "./vendor/uplot/uPlot.js";

// It is a script that declares one name.
const Plot = /** @type {any} */ (uPlot);

/**
 * @typedef {object} Drawing
 * @property {number[]} times in s since 1970
 * @property {(number|null)[]} min
 * @property {(number|null)[]} avg
 * @property {(number|null)[]} max
 * @property {number[]} marks times that are marked
 * @property {[number, number|null][]} alerts from when to when, if that is known
 * @property {[number, number]} span what is shown, in s
 * @property {number[]|undefined} steps how far apart lines may be
 * @property {number} least the top of the scale is at least this
 * @property {(at: number, long: boolean) => string} time as text; short ones stand below the chart
 * @property {(value: number) => string} value as text
 * @property {(index: number|null) => void} look at what the pointer is
 * @property {(from: number, to: number) => void} zoom into what was dragged over, in s
 */

/** So many marks go from top to bottom. */
const FEW = 12;

/** @param {string} colour as `rgb(...)` @param {number} part */
const faint = (colour, part) => colour.replace("rgb(", "rgba(").replace(")", `, ${part})`);

/** Colours of the box, which CSS has chosen for light or dark. @param {HTMLElement} box */
function colours(box) {
  const style = getComputedStyle(box);
  return { main: style.color, line: style.borderTopColor, soft: style.caretColor, warn: style.outlineColor, bad: style.columnRuleColor, good: style.textDecorationColor };
}

/**
 * @param {HTMLElement} box what is in it goes
 * @param {Drawing} drawing
 * @returns {() => void} takes it away
 */
export function plot(box, drawing) {
  const { main, line, soft, warn, bad, good } = colours(box);
  const font = `11px ${getComputedStyle(box).fontFamily}`;
  const axis = { stroke: soft, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const marks = (/** @type {any} */ u) => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = warn;
    ctx.lineWidth = devicePixelRatio;
    // Many of them would hide the line.
    const few = drawing.marks.length <= FEW;
    if (few) ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    const top = few ? bbox.top : bbox.top + bbox.height - 7 * devicePixelRatio;
    for (const at of drawing.marks) {
      const x = Math.round(u.valToPos(at, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  };
  /** While something was wrong the ground is of another colour, below what was drawn. @param {any} u */
  const grounds = ({ ctx, bbox, valToPos }) => {
    ctx.save();
    ctx.fillStyle = faint(bad, 0.09);
    for (const [from, until] of drawing.alerts) {
      if (until === null) continue;
      const [left, right] = [from, until].map((at) => Math.min(bbox.left + bbox.width, Math.max(bbox.left, valToPos(at, "x", true))));
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  };
  /** Where an alert began stands a flag, where it recovered a ring. @param {any} u */
  const alerts = ({ ctx, bbox, valToPos }) => {
    const size = 4 * devicePixelRatio;
    const each = (/** @type {(number|null)[]} */ times, /** @type {string} */ colour, /** @type {(x: number) => void} */ head) => {
      ctx.strokeStyle = ctx.fillStyle = colour;
      ctx.lineWidth = devicePixelRatio;
      for (const at of times) {
        const x = at === null ? -1 : Math.round(valToPos(at, "x", true)) + 0.5;
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.beginPath();
        head(x);
      }
    };
    ctx.save();
    each(drawing.alerts.map(([, until]) => until), good, (x) => {
      ctx.lineWidth = 1.5 * devicePixelRatio;
      ctx.arc(x, bbox.top - size, size - devicePixelRatio, 0, 2 * Math.PI);
      ctx.stroke();
    });
    each(drawing.alerts.map(([from]) => from), bad, (x) => {
      ctx.moveTo(x - size, bbox.top - 2 * size);
      ctx.lineTo(x + size, bbox.top - 2 * size);
      ctx.lineTo(x, bbox.top);
      ctx.fill();
    });
    ctx.restore();
  };
  const chosen = (/** @type {any} */ u) => {
    if (u.select.width > 4) drawing.zoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
  };
  const chart = new Plot({
    width: box.clientWidth, height: box.clientHeight, legend: { show: false }, padding: [10, 12, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: false, range: () => drawing.span },
      y: { range: (/** @type {any} */ _u, /** @type {number} */ _low, /** @type {number|null} */ high) => [0, Math.max(drawing.least, (high ?? 0) * 1.08)] },
    },
    axes: [
      { ...axis, space: 80, incrs: [60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 5184000], size: 26, values: (/** @type {any} */ _u, /** @type {number[]} */ all) => all.map((at) => drawing.time(at, false)) },
      { ...axis, size: 58, incrs: drawing.steps, values: (/** @type {any} */ _u, /** @type {number[]} */ all) => all.map(drawing.value) },
    ],
    series: [
      {},
      { stroke: main, width: 1.6, points: { show: drawing.times.length < 3 } },
      { stroke: faint(main, 0.45), width: 1, points: { show: false } },
      { stroke: faint(main, 0.25), width: 1, points: { show: false } },
    ],
    bands: [{ series: [2, 3], fill: faint(main, 0.16) }],
    hooks: {
      drawClear: [grounds],
      draw: [marks, alerts],
      setSelect: [chosen],
      setCursor: [(/** @type {any} */ u) => drawing.look(u.cursor.idx ?? null)],
    },
  }, [drawing.times, drawing.avg, drawing.max, drawing.min], box);
  return () => chart.destroy();
}
