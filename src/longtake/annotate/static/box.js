// The box: dragged around an object, whose outline the server finds; clicks then say what is missing or too much.

import { Gone, here, post } from "./api.js";
import { clamp, draw } from "./dom.js";
import { send } from "./edits.js";
import { beginStroke, endStroke } from "./line.js";
import { around } from "./masks.js";
import { say, warn } from "./notice.js";
import { drawn, state } from "./state.js";
import { labels, magnification, repaint, toCanvas, toVideo } from "./view.js";

/** @typedef {import("./tools.js").Tool} Tool */

/** Narrower than this, in CSS pixels, a box is a click. */
const CLICK = 4;

/** @param {string} hint @param {() => void} redraw called when the outline has been found @returns {Tool} */
export function boxTool(hint, redraw) {
  let drag = null;
  let asked = null;
  const corner = (event) => {
    const [x, y] = toVideo(event);
    return [Math.round(clamp(x, 0, labels.width)), Math.round(clamp(y, 0, labels.height))];
  };
  const current = () => asked?.frame === state.frame && asked.object === state.object;
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
      if (clicked && !current()) return void say(hint);
      if (clicked) asked[minus ? "outside" : "inside"].push(pixel(from));
      else asked = { frame: state.frame, object: drawn(), box, inside: [], outside: [], found: null, busy: false };
      ask();
    },
    sketch() {
      const shapes = [];
      const sides = drag ? [...drag.from, ...drag.to] : current() ? asked.box : null;
      if (sides) {
        const [[x0, y0], [x1, y1]] = [toCanvas([sides[0], sides[1]]), toCanvas([sides[2], sides[3]])];
        const place = { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
        shapes.push(draw("rect", { ...place, class: asked?.busy ? "sketch busy" : "sketch" }));
      }
      if (!drag && current()) {
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
