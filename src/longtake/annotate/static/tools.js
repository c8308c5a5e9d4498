// What the pointer does on the canvas: it moves the tool in hand, pans, and zooms.

import { boxTool } from "./box.js";
import { clamp, draw, find } from "./dom.js";
import { refused } from "./edits.js";
import { stop } from "./player.js";
import { polygonTool } from "./polygon.js";
import { state, update, watch } from "./state.js";
import { strokeTool } from "./stroke.js";
import { canvas, magnification, panBy, within, zoomBy } from "./view.js";

const sketch = find("#sketch");

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

/** @type {Record<string, Tool>} */
const tools = {
  brush: strokeTool("brush"),
  eraser: strokeTool("eraser"),
  polygon: polygonTool(),
  box: boxTool(hints.box, redraw),
};

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

/** The circles at the pointer: moved while they are there. @type {Element[]} */
let circles = [];

/** Draw again what belongs to the tool: the brush's circle, the polygon's corners, the box. */
function redraw() {
  const shapes = tools[state.tool].sketch?.() ?? [];
  if (pointer && !panning && !space && !tools[state.tool].sketch) {
    const [cx, cy] = within(pointer);
    const place = { cx, cy, r: (state.size * magnification()) / 2 };
    if (sketch.firstChild === circles[0]) {
      for (const circle of circles)
        for (const [name, value] of Object.entries(place)) circle.setAttribute(name, String(value));
      return;
    }
    circles = ["brush under", "brush"].map((look) => draw("circle", { ...place, class: look }));
    shapes.push(...circles);
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

watch("tool size object", () => {
  showCursor();
  redraw();
});
watch("frame loaded", () => {
  if (state.loaded) return;
  for (const tool of [tools.polygon, tools.box]) tool.leave?.();
  redraw();
});
