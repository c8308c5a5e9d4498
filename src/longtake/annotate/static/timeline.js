// The timeline: small pictures, a ruler, and a grid of object by time; only what the window of time shows is asked for.

import { get, Gone, here } from "./api.js";
import { clamp, clock, find, make, paced, settled } from "./dom.js";
import { thumbnail } from "./frames.js";
import { warn } from "./notice.js";
import { keptFrames, stop } from "./player.js";
import { go } from "./shown.js";
import { DOUBT, nameOf, state, thing, update, watch } from "./state.js";

const area = find("#timeline");
const strip = find("#thumbnails");
const ruler = /** @type {HTMLCanvasElement} */ (find("#ruler"));
const grid = /** @type {HTMLCanvasElement} */ (find("#grid"));
const names = find("#grid-names");
const playhead = find("#playhead");

const GUTTER = 128;
const ROW = 16;
const THUMBNAIL = { width: 86, height: 48 };
const COLUMN = 3;
const FEWEST_FRAMES = 12;
/** Distances of the ruler's marks, in seconds. */
const MARKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600];

/** The frames in the window, fractions allowed: [first, first + span). */
let first = 0;
let span = 1;
/** @type {{edges: number[], last: number, rows: {object: number, origins: string, confidence: number[]}[]}|null} */
let cells = null;

const width = () => Math.max(1, area.clientWidth - GUTTER);
const toX = (frame) => ((frame - first) / span) * width();
const toFrame = (event) => first + ((event.clientX - area.getBoundingClientRect().left - GUTTER) / width()) * span;

/** Show the whole of a video that has just been opened. */
export function openTimeline() {
  cells = null;
  look(0, state.video?.frames ?? 1);
}

/** Magnify time by a factor, around a frame. */
export function zoomTime(factor, around = state.frame + 0.5) {
  const wide = clamp(span / factor, FEWEST_FRAMES, state.video?.frames ?? 1);
  look(around - ((around - first) * wide) / span, wide);
}

function look(from, wide) {
  const frames = state.video?.frames ?? 1;
  span = Math.min(wide, frames);
  first = clamp(from, 0, frames - span);
  drawAll();
  fetchSoon();
  thumbnailsSoon();
}

const fetchSoon = settled(() => fetchCells(), 90);
const thumbnailsSoon = settled(showThumbnails, 140);

const fetchCells = paced(async () => {
  if (!state.video) return;
  const { video } = state.video;
  const from = Math.floor(first);
  const to = Math.min(state.video.frames, Math.ceil(first + span)) - 1;
  const columns = Math.max(1, Math.min(to - from + 1, Math.floor(width() / COLUMN)));
  try {
    const reply = await get(here(`/grid?first=${from}&last=${to}&columns=${columns}`));
    if (state.video?.video === video) cells = reply;
    drawAll();
  } catch (error) {
    if (!(error instanceof Gone)) warn(error.message);
  }
}, 250);

function showThumbnails() {
  const count = state.video && !state.video.problem ? Math.ceil(width() / THUMBNAIL.width) : 0;
  while (strip.children.length > count) strip.lastChild?.remove();
  while (strip.children.length < count)
    strip.append(make("img", { alt: "", fetchpriority: "low", width: THUMBNAIL.width, height: THUMBNAIL.height }));
  [...strip.children].forEach((image, slot) => {
    const frame = Math.floor(first + ((slot + 0.5) * THUMBNAIL.width * span) / width());
    const address = thumbnail(Math.min(frame, (state.video?.frames ?? 1) - 1), THUMBNAIL.height);
    if (image.getAttribute("src") !== address) image.setAttribute("src", address);
  });
}

function drawAll() {
  drawRuler();
  drawGrid();
  placeHead();
}

/** A canvas of this size in CSS pixels, cleared. */
function prepared(canvas, wide, high) {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(high * ratio);
  canvas.style.width = `${wide}px`;
  canvas.style.height = `${high}px`;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.scale(ratio, ratio);
  return context;
}

const RULER_HEIGHT = 20;

function drawRuler() {
  const context = prepared(ruler, width(), RULER_HEIGHT);
  if (!state.video) return;
  const { rate } = state.video;
  const ink = getComputedStyle(ruler);
  const seconds = span / rate;
  const mark = MARKS.find((each) => (each / seconds) * width() > 64) ?? 3600;
  context.font = ink.font;
  context.fillStyle = ink.color;
  for (let count = Math.floor(first / rate / mark); count * mark * rate < first + span; count += 1) {
    const x = toX(count * mark * rate);
    context.fillRect(Math.round(x), RULER_HEIGHT - 6, 1, 6);
    context.fillText(clock(count * mark, mark < 1), x + 4, 12);
  }
  const kept = keptFrames();
  if (!kept || (kept.length / state.video.frames) * span > width() / 4) return;
  context.fillStyle = ink.accentColor === "auto" ? ink.color : ink.accentColor;
  for (const frame of kept)
    if (frame >= first && frame < first + span) context.fillRect(toX(frame + 0.5) - 1, RULER_HEIGHT - 3, 2, 3);
}

/** The colours of the cells are those of the legend. */
function palette() {
  const colour = (name) => getComputedStyle(find(`#legend [data-origin="${name}"]`)).backgroundColor;
  const parts = (text) =>
    text
      .match(/[\d.]+/g)
      .slice(0, 3)
      .join(" ");
  const [sure, doubtful] = [parts(colour("sure")), parts(colour("doubtful"))];
  // The further from doubt, or in it, the stronger the colour.
  const followed = (confidence) => {
    const distance = Math.abs(confidence - DOUBT) / (confidence < DOUBT ? DOUBT : 1 - DOUBT);
    return `rgb(${confidence < DOUBT ? doubtful : sure} / ${0.55 + 0.45 * distance})`;
  };
  const solid = {
    g: colour("given"),
    c: colour("corrected"),
    a: colour("accepted"),
    i: colour("imported"),
    "-": colour("unseen"),
  };
  return (letter, confidence) => solid[letter] ?? followed(confidence < 0 ? 1 : confidence / 100);
}

function drawGrid() {
  const rows = state.objects.map(
    ({ object }) => cells?.rows.find((each) => each.object === object) ?? emptyRow(object),
  );
  const context = prepared(grid, width(), Math.max(1, rows.length) * ROW);
  showNames(rows);
  if (!cells) return;
  const colour = palette();
  const ends = [...cells.edges.slice(1), cells.last + 1];
  rows.forEach(({ origins, confidence }, row) => {
    for (let column = 0; column < origins.length; column += 1) {
      const letter = origins[column];
      if (letter === ".") continue;
      const left = Math.floor(toX(cells.edges[column]));
      const wide = Math.ceil(toX(ends[column])) - left;
      context.fillStyle = colour(letter, confidence[column]);
      const high = letter === "-" ? 2 : ROW - 4;
      context.fillRect(left, row * ROW + (ROW - high) / 2, wide > 6 ? wide - 1 : wide, high);
    }
  });
}

const emptyRow = (object) => ({ object, origins: "", confidence: [] });

function showNames(rows) {
  names.replaceChildren(
    ...rows.map(({ object }) =>
      make(
        "button",
        { class: object === state.object ? "chosen" : "", title: nameOf(object), onclick: () => update({ object }) },
        make("i", { style: { background: thing(object).colour } }),
        nameOf(object),
      ),
    ),
  );
}

function placeHead() {
  const x = toX(state.frame + 0.5);
  playhead.hidden = !state.video || x < 0 || x > width();
  playhead.style.transform = `translateX(${GUTTER + x}px)`;
}

/** The window follows the shown frame, a page at a time. */
function follow() {
  if (state.video && (state.frame < first || state.frame >= first + span)) look(state.frame - span * 0.1, span);
  placeHead();
}

let seeking = false;

function seek(event) {
  stop();
  go(Math.floor(toFrame(event)));
}

for (const track of [strip, ruler, grid]) {
  track.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !state.video) return;
    event.preventDefault();
    seeking = true;
    track.setPointerCapture(event.pointerId);
    const row = track === grid ? state.objects[Math.floor(event.offsetY / ROW)] : null;
    if (row) update({ object: row.object });
    seek(event);
  });
  track.addEventListener("pointermove", (event) => seeking && seek(event));
  for (const end of ["pointerup", "pointercancel"]) track.addEventListener(end, () => (seeking = false));
  track.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (sideways) look(first + (sideways / width()) * span, span);
      else zoomTime(Math.exp(-event.deltaY / 300), toFrame(event));
    },
    { passive: false },
  );
}

addEventListener("grid-changed", () => fetchCells());
new ResizeObserver(() => look(first, span)).observe(area);
watch("frame", follow);
watch("objects object", drawAll);
watch("pipeline", drawRuler);

/** Draw in the colours of another theme. */
export const retheme = drawAll;
