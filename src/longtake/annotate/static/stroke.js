// Brush and eraser: a stroke is painted as the pointer moves, and sent when it is lifted.

import { send } from "./edits.js";
import { beginStroke, endStroke } from "./line.js";
import { around } from "./masks.js";
import { drawn, state } from "./state.js";
import { labels, repaint, toVideo } from "./view.js";

/** @typedef {import("./tools.js").Tool} Tool */

/** @param {"brush"|"eraser"} name @returns {Tool} */
export function strokeTool(name) {
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
      labels.mark();
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

/** As many measurements are kept. */
const MEASURED = 2000;
let measured = 0;
let measuring = false;

/** How long it took from the pointer's event until its paint was on the screen. */
function measureShown(start) {
  if (measuring) return;
  measuring = true;
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => {
      measured += 1;
      if (measured % MEASURED === 0) performance.clearMeasures("stroke-shown");
      performance.measure("stroke-shown", { start, end: performance.now() });
      measuring = false;
    };
    port1.postMessage(null);
  });
}
