// The canvas: a frame with its masks over it, zoomed and panned; after a stroke only what it touched is painted again.

import { clamp, find } from "./dom.js";
import { Labels } from "./masks.js";
import { state, thing, update, watch } from "./state.js";

export const canvas = /** @type {HTMLCanvasElement} */ (find("#canvas"));
const screen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
const MOST_ZOOM = 40;

/** The ids on the canvas: what the server has, and own strokes that are still on their way there. */
export let labels = new Labels(1, 1);

/** @type {ImageBitmap|null} */
let picture = null;
let overlay = layer(labels);
/** Where the video's left top corner lies, and how many CSS pixels a pixel of it takes. */
let origin = { x: 0, y: 0 };
let scale = 1;
/** Ids that the frame may have: only where one of them looks otherwise is all of it painted again. @type {Set<number>} */
let present = new Set();
/** Whether the overlay's surface lacks what strokes have painted since. */
let behind = false;
/** Carries what a stroke has painted to the screen: to draw the overlay itself, all of it would be copied each time. */
const tile = layer({ width: 1, height: 1 });
/** Where the canvas lies in the window; to ask for it at each movement would lay the page out each time. */
let box = canvas.getBoundingClientRect();
/** Colours by id, as the overlay's memory holds them. */
const fills = new Uint32Array(65536);
const lines = new Uint32Array(65536);

function layer({ width, height }) {
  const surface = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (surface.getContext("2d"));
  const image = context.createImageData(width, height);
  return { surface, context, image, pixels: new Uint32Array(image.data.buffer) };
}

/** Begin with another video: an empty frame of its size, fitted into the window. */
export function openView({ width, height }) {
  labels = new Labels(width, height);
  overlay = layer(labels);
  picture = null;
  fit();
}

/** Show a frame: its picture (null where it cannot be had, undefined where it stays), and its masks' runs. */
export function show(bitmap, runs) {
  if (bitmap !== undefined) picture = bitmap;
  labels.load(runs);
  present = new Set(runs?.filter((_, place) => place % 2 === 0));
  repaint();
}

/** Another picture of the same frame. */
export function showPicture(bitmap) {
  picture = bitmap;
  compose();
}

/** Paint masks anew in a rectangle of the video, where the object in hand may be now; else the whole frame. */
export function repaint(rectangle) {
  behind = true;
  if (!rectangle) {
    tint(labels.whole);
    compose();
    return;
  }
  if (state.object !== null) present.add(state.object);
  const area = wider(rectangle, lineWidth() + 1);
  tint(area);
  compose(area);
}

function wider({ left, top, width, height }, margin) {
  const [x, y] = [Math.max(0, left - margin), Math.max(0, top - margin)];
  const right = Math.min(labels.width, left + width + margin);
  const bottom = Math.min(labels.height, top + height + margin);
  return { left: x, top: y, width: right - x, height: bottom - y };
}

const lineWidth = () => (labels.height > 1440 ? 3 : labels.height > 540 ? 2 : 1);

/** Colours of the ids in a rectangle: an object's pixels next to others are its outline. */
function tint({ left, top, width, height }) {
  const { ids, width: across, height: down } = labels;
  const { pixels } = overlay;
  const reach = state.outlines ? lineWidth() : 0;
  for (let y = top; y < top + height; y += 1) {
    const above = y >= reach ? -reach * across : 0;
    const below = y + reach < down ? reach * across : 0;
    for (let x = left, place = y * across + left; x < left + width; x += 1, place += 1) {
      const id = ids[place];
      if (id === 0) {
        pixels[place] = 0;
        continue;
      }
      const edge =
        reach > 0 &&
        (ids[place + above] !== id ||
          ids[place + below] !== id ||
          (x >= reach && ids[place - reach] !== id) ||
          (x + reach < across && ids[place + reach] !== id));
      pixels[place] = edge ? lines[id] : fills[id];
    }
  }
}

/** Whether the frame looks otherwise with the colours of now. */
function choosePaints() {
  let others = false;
  const shown = new Set([
    ...state.objects.map((each) => each.object),
    ...(state.object === null ? [] : [state.object]),
  ]);
  for (const object of shown) {
    const [red, green, blue] = channels(thing(object).colour);
    const visible = !state.hidden.has(object);
    const fill = visible ? packed(red, green, blue, 255 * state.opacity) : 0;
    const chosen = object === state.object;
    const line = chosen ? [255, 255, 255] : [red, green, blue].map((value) => (value + 128) / 1.5);
    const outline = visible ? packed(line[0], line[1], line[2], 255) : 0;
    others ||= present.has(object) && (fills[object] !== fill || lines[object] !== outline);
    [fills[object], lines[object]] = [fill, outline];
  }
  return others;
}

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const packed = (red, green, blue, alpha) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;

/** Put picture and masks on the screen; only where a rectangle of the video lies, if one is given. */
function compose(rectangle) {
  const ratio = devicePixelRatio;
  screen.setTransform(1, 0, 0, 1, 0, 0);
  screen.save();
  if (rectangle) {
    const left = Math.floor((origin.x + rectangle.left * scale) * ratio) - 1;
    const top = Math.floor((origin.y + rectangle.top * scale) * ratio) - 1;
    const width = Math.ceil(rectangle.width * scale * ratio) + 3;
    const height = Math.ceil(rectangle.height * scale * ratio) + 3;
    screen.beginPath();
    screen.rect(left, top, width, height);
    screen.clip();
  }
  screen.fillStyle = backdrop;
  screen.fillRect(0, 0, canvas.width, canvas.height);
  screen.setTransform(scale * ratio, 0, 0, scale * ratio, origin.x * ratio, origin.y * ratio);
  screen.imageSmoothingEnabled = scale * ratio < 3;
  if (picture) screen.drawImage(picture, 0, 0, labels.width, labels.height);
  if (!state.peek) drawMasks(rectangle);
  screen.restore();
}

function drawMasks(rectangle) {
  if (!rectangle) {
    if (behind) overlay.context.putImageData(overlay.image, 0, 0);
    behind = false;
    screen.drawImage(overlay.surface, 0, 0);
    return;
  }
  const around = wider(rectangle, Math.ceil(3 / (scale * devicePixelRatio)) + 1); // so that its edges are not seen
  const { left, top, width, height } = around;
  if (tile.surface.width < width) tile.surface.width = width;
  if (tile.surface.height < height) tile.surface.height = height;
  tile.context.putImageData(overlay.image, -left, -top, left, top, width, height);
  screen.drawImage(tile.surface, 0, 0, width, height, left, top, width, height);
}

let backdrop = "#000";

/** A point of the window in pixels of the video. @returns {[number, number]} */
export function toVideo({ clientX, clientY }) {
  return [(clientX - box.left - origin.x) / scale, (clientY - box.top - origin.y) / scale];
}

/** A point of the window in CSS pixels of the canvas. */
export const within = ({ clientX, clientY }) => [clientX - box.left, clientY - box.top];

/** A point of the video in CSS pixels of the canvas. @returns {[number, number]} */
export const toCanvas = ([x, y]) => [origin.x + x * scale, origin.y + y * scale];

/** CSS pixels that a pixel of the video takes. */
export const magnification = () => scale;

const fitted = () => Math.min(canvas.clientWidth / labels.width, canvas.clientHeight / labels.height) || 1;

/** The whole frame, in the middle. */
export function fit() {
  scale = fitted();
  origin = { x: (canvas.clientWidth - labels.width * scale) / 2, y: (canvas.clientHeight - labels.height * scale) / 2 };
  moved();
}

/** Magnify by a factor; the point of the window stays where it is (the middle, if none is given). */
export function zoomBy(factor, at) {
  const [x, y] = at ? within(at) : [box.width / 2, box.height / 2];
  const next = clamp(scale * factor, fitted() / 4, MOST_ZOOM);
  origin = { x: x - ((x - origin.x) * next) / scale, y: y - ((y - origin.y) * next) / scale };
  scale = next;
  moved();
}

/** One pixel of the video to one of the screen. */
export const oneToOne = () => zoomBy(1 / devicePixelRatio / scale);

export function panBy(dx, dy) {
  origin = { x: origin.x + dx, y: origin.y + dy };
  moved();
}

/** Where the person looks: magnification relative to the fitted frame, and the video's point at the left top. */
export const lookedAt = () => ({ zoom: scale / fitted(), left: -origin.x / scale, top: -origin.y / scale });

/** Look there again. */
export function lookAt({ zoom, left, top }) {
  if (Math.abs(zoom - 1) < 1e-6) {
    fit();
    return;
  }
  scale = clamp(fitted() * zoom, fitted() / 4, MOST_ZOOM);
  origin = { x: -left * scale, y: -top * scale };
  moved();
}

function moved() {
  update({ zoom: scale / fitted() });
  canvas.dispatchEvent(new CustomEvent("moved"));
  compose();
}

let before = 0;

new ResizeObserver(() => {
  box = canvas.getBoundingClientRect();
  const wasFitted = Math.abs(scale - before) < 1e-9;
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
  before = fitted();
  if (wasFitted || labels.width === 1) fit();
  else moved();
}).observe(canvas);

watch("objects object hidden opacity", () => choosePaints() && repaint());
watch("outlines", () => repaint());
watch("peek", () => compose());

/** The canvas around the frame in the colours of the theme. */
export function retheme() {
  backdrop = getComputedStyle(canvas).backgroundColor;
  compose();
}
