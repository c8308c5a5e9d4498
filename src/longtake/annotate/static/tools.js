// What the pointer does on the canvas: brush, eraser, polygon, box, and panning with any of them.

import { Gone, here, post } from "./api.js";
import { clamp, draw, find } from "./dom.js";
import { refused, send } from "./edits.js";
import { beginStroke, endStroke } from "./line.js";
import { around } from "./masks.js";
import { say, warn } from "./notice.js";
import { stop } from "./player.js";
import { drawn, state, update, watch } from "./state.js";
import { canvas, labels, magnification, panBy, repaint, toCanvas, toVideo, zoomBy } from "./view.js";

const sketch = find("#sketch");
/** Closer than this, in CSS pixels, two places are one. */
const NEAR = 9;
const CLICK = 4;

const hints = {
  brush: "Drag over the object to paint it; the right button erases.",
  eraser: "Drag over what does not belong to the object.",
  polygon: "Click around the object; Enter closes, Backspace takes a corner back, Escape leaves.",
  box: "Drag a box around the object: its outline is found. Then click what is missing, right-click what is too much.",
};

/** What to do with the tool in hand, in words. */
export const hint = () => hints[state.tool];

/** @typedef {{down?: (event: PointerEvent) => void, move?: (event: PointerEvent) => void, up?: (event: PointerEvent) => void,
 *   sketch?: () => Node[], enter?: () => boolean, back?: () => boolean, leave?: () => boolean}} Tool */

/** A stroke paints as the pointer moves, and is sent when it is lifted. @returns {Tool} */
function stroke(name) {
  let stroke = null;
  const extend = (event) => {
    for (const each of event.getCoalescedEvents?.() ?? [event]) lengthen(toVideo(each));
    lengthen(toVideo(event));
  };
  const lengthen = (point) => {
    const touched = labels.stroke(stroke.last, point, state.size, stroke.object, stroke.inside);
    stroke.last = point;
    stroke.touched = around(stroke.touched, touched);
    stroke.fresh = around(stroke.fresh, touched);
  };
  const paint = (event) => {
    extend(event);
    if (stroke.fresh) repaint(stroke.fresh);
    stroke.fresh = null;
    measureShown(event.timeStamp);
  };
  return {
    down(event) {
      const inside = name === "brush" && event.button !== 2;
      stroke = { inside, object: drawn(), frame: state.frame, last: toVideo(event), touched: null, fresh: null };
      beginStroke();
      paint(event);
    },
    move: (event) => stroke && paint(event),
    up() {
      if (!stroke) return;
      const { touched, inside, object, frame } = stroke;
      stroke = null;
      if (touched) send(touched, inside ? "brush" : "eraser", object, frame);
      endStroke();
    },
  };
}

let measuring = false;

/** How long it took from the pointer's event until its paint was on the screen. */
function measureShown(start) {
  if (measuring) return;
  measuring = true;
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => {
      performance.measure("stroke-shown", { start, end: performance.now() });
      measuring = false;
    };
    port1.postMessage(null);
  });
}

/** Corners by clicks. @returns {Tool} */
function polygon() {
  /** @type {[number, number][]} */
  let corners = [];
  let pointer = null;
  const leave = () => {
    const had = corners.length > 0;
    corners = [];
    return had;
  };
  const close = () => {
    if (corners.length < 3) return corners.length > 0;
    const object = drawn();
    const touched = labels.polygon(corners, object);
    corners = [];
    if (touched) {
      repaint(touched);
      send(touched, "polygon", object);
    }
    return true;
  };
  return {
    down(event) {
      const point = toVideo(event);
      if (corners.length > 2 && (near(corners[0], point) || near(corners.at(-1), point))) close();
      else corners.push(point);
    },
    move(event) {
      pointer = toVideo(event);
    },
    sketch() {
      const places = [...corners, ...(corners.length && pointer ? [pointer] : [])].map(toCanvas);
      return [
        draw("polygon", { points: places.join(" "), class: "sketch" }),
        ...corners
          .map(toCanvas)
          .map(([cx, cy], index) => draw("circle", { cx, cy, r: index ? 3 : 5, class: "corner" })),
      ];
    },
    enter: close,
    back: () => corners.pop() !== undefined,
    leave,
  };
}

function near(one, other) {
  const [[x0, y0], [x1, y1]] = [toCanvas(one), toCanvas(other)];
  return Math.hypot(x1 - x0, y1 - y0) < NEAR;
}

/** A box, and points that say more: the server finds the object's outline. @returns {Tool} */
function box() {
  let drag = null;
  let asked = null;
  const corner = (event) => {
    const [x, y] = toVideo(event);
    return [Math.round(clamp(x, 0, labels.width)), Math.round(clamp(y, 0, labels.height))];
  };
  const pixel = ([x, y]) => [Math.min(x, labels.width - 1), Math.min(y, labels.height - 1)];
  const ask = async () => {
    const { frame, object } = asked;
    const mine = asked;
    mine.busy = true;
    beginStroke();
    try {
      const { box, inside, outside } = mine;
      const found = await post(here(`/frames/${frame}/suggest`), { object, box, inside, outside });
      if (state.frame !== frame || asked !== mine) return;
      const touched = around(mine.found && labels.replace(emptied(mine.found), object), labels.replace(found, object));
      mine.found = found;
      if (!touched) return void say("No outline was found there. Try another box, or the brush.");
      repaint(touched);
      send(touched, "box", object, frame);
    } catch (error) {
      if (!(error instanceof Gone)) warn(error.message);
    } finally {
      mine.busy = false;
      endStroke();
      redraw();
    }
  };
  return {
    down(event) {
      drag = { from: corner(event), to: corner(event), minus: event.button === 2 || event.altKey };
    },
    move(event) {
      if (drag) drag.to = corner(event);
    },
    up() {
      if (!drag) return;
      const { from, to, minus } = drag;
      drag = null;
      const box = [
        Math.min(from[0], to[0]),
        Math.min(from[1], to[1]),
        Math.max(from[0], to[0]),
        Math.max(from[1], to[1]),
      ];
      const clicked = Math.min(box[2] - box[0], box[3] - box[1]) * magnification() < CLICK;
      if (!clicked)
        asked = { frame: state.frame, object: drawn(), box, inside: [], outside: [], found: null, busy: false };
      else if (asked?.frame !== state.frame || asked.object !== state.object) return void say(hints.box);
      else asked[minus ? "outside" : "inside"].push(pixel(from));
      ask();
    },
    sketch() {
      const shapes = [];
      const current = drag ? [...drag.from, ...drag.to] : asked?.frame === state.frame ? asked.box : null;
      if (current) {
        const [[x0, y0], [x1, y1]] = [toCanvas([current[0], current[1]]), toCanvas([current[2], current[3]])];
        const place = { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
        shapes.push(draw("rect", { ...place, class: asked?.busy ? "sketch busy" : "sketch" }));
      }
      if (!drag && asked?.frame === state.frame) {
        for (const sign of ["inside", "outside"]) {
          for (const [cx, cy] of asked[sign].map(toCanvas)) shapes.push(draw("circle", { cx, cy, r: 5, class: sign }));
        }
      }
      return shapes;
    },
    leave() {
      const had = asked !== null || drag !== null;
      drag = asked = null;
      return had;
    },
  };
}

const emptied = (rectangle) => ({ ...rectangle, runs: [rectangle.width * rectangle.height] });

/** @type {Record<string, Tool>} */
const tools = { brush: stroke("brush"), eraser: stroke("eraser"), polygon: polygon(), box: box() };

export function choose(tool) {
  tools[state.tool].leave?.();
  update({ tool });
}

/** What Enter, Backspace and Escape mean to the tool in hand: true where it has used them. */
export const enter = () => answered("enter");
export const back = () => answered("back");
export const leave = () => answered("leave");

function answered(sign) {
  const used = tools[state.tool][sign]?.() ?? false;
  if (used) redraw();
  return used;
}

export const resize = (factor) => {
  const grown =
    factor > 1 ? Math.max(state.size + 1, Math.round(state.size * factor)) : Math.round(state.size * factor);
  update({ size: clamp(grown, 1, 400) });
};

let pointer = null;
let panning = null;
let space = null;

/** The space key is held or let go; it pans, and where it has not, `tapped` is what it does. */
export function holdSpace(down, tapped) {
  if (down) space ??= { used: false };
  else {
    if (space && !space.used) tapped();
    space = null;
  }
  showCursor();
}

function showCursor() {
  const drawing = state.tool === "brush" || state.tool === "eraser";
  canvas.dataset.cursor = panning ? "grabbing" : space ? "grab" : drawing ? "brush" : "cross";
}

/** Draw again what belongs to the tool: the brush's circle, the polygon's corners, the box. */
function redraw() {
  const shapes = tools[state.tool].sketch?.() ?? [];
  if (pointer && !panning && !space && !tools[state.tool].sketch) {
    const box = canvas.getBoundingClientRect();
    const place = {
      cx: pointer.clientX - box.left,
      cy: pointer.clientY - box.top,
      r: (state.size * magnification()) / 2,
    };
    shapes.push(draw("circle", { ...place, class: "brush under" }), draw("circle", { ...place, class: "brush" }));
  }
  sketch.replaceChildren(...shapes);
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  if (event.button === 1 || space) {
    event.preventDefault();
    panning = { x: event.clientX, y: event.clientY };
    if (space) space.used = true;
    showCursor();
    return;
  }
  if (state.playing) return void stop();
  if (!state.loaded || refused()) return;
  tools[state.tool].down?.(event);
  redraw();
});

canvas.addEventListener("pointermove", (event) => {
  pointer = event;
  if (panning) {
    panBy(event.clientX - panning.x, event.clientY - panning.y);
    panning = { x: event.clientX, y: event.clientY };
  } else tools[state.tool].move?.(event);
  redraw();
});

for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
  canvas.addEventListener(end, (event) => {
    if (panning) panning = null;
    else tools[state.tool].up?.(event);
    showCursor();
    redraw();
  });
}

canvas.addEventListener("pointerleave", () => {
  pointer = null;
  redraw();
});
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("moved", redraw);
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const turn = event.deltaY || event.deltaX;
    if (event.shiftKey) resize(turn < 0 ? 1.15 : 1 / 1.15);
    else zoomBy(Math.exp(-clamp(turn, -120, 120) / 400), event);
  },
  { passive: false },
);

watch("tool size", () => {
  showCursor();
  redraw();
});
watch("frame video object", () => {
  for (const tool of [tools.polygon, tools.box]) tool.leave?.();
  redraw();
});
