// How long a person works on a frame: time counts until 20 seconds after the last movement or key.

import { here, post } from "./api.js";
import { state } from "./state.js";

const IDLE = 20_000;
const WORTH_TELLING = 0.3;

let counted = 0;
let mark = performance.now();
let active = -Infinity;

function settle() {
  const now = performance.now();
  counted += Math.max(0, Math.min(now, active + IDLE) - mark);
  mark = now;
}

function stir() {
  settle();
  active = mark;
}

for (const sign of ["pointermove", "pointerdown", "keydown", "wheel"]) {
  addEventListener(sign, stir, { capture: true, passive: true });
}

/** Seconds of work since they were last taken. */
export function takeSeconds() {
  settle();
  const seconds = counted / 1000;
  counted = 0;
  return Math.round(seconds * 1000) / 1000;
}

/** Tell the server of time spent on the frame without an edit; it goes out even while the page closes. */
export function leaveFrame() {
  if (!state.video || state.playing) return;
  const seconds = takeSeconds();
  if (seconds < WORTH_TELLING) return;
  post(here("/time"), { frame: state.frame, object: state.object, seconds }).catch(() => {});
}

addEventListener("pagehide", leaveFrame);
