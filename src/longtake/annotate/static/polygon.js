// The polygon: corners by clicks; it is painted and sent once it is closed.

import { draw } from "./dom.js";
import { send } from "./edits.js";
import { drawn } from "./state.js";
import { labels, repaint, toCanvas, toVideo } from "./view.js";

/** @typedef {import("./tools.js").Tool} Tool */

/** Closer than this, in CSS pixels, two places are one. */
const NEAR = 9;

/** @returns {Tool} */
export function polygonTool() {
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
    labels.mark();
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
