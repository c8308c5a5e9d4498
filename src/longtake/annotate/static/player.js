// Going through time: playing at the video's own rate, dropping frames where they come too slowly, and stepping.

import { clamp, find, sleep } from "./dom.js";
import { prefetch } from "./frames.js";
import { leaveFrame } from "./effort.js";
import { Gone } from "./api.js";
import { warn } from "./notice.js";
import { go, settle, showPlayed } from "./shown.js";
import { state, update } from "./state.js";

const AHEAD = 5;
/** More rows than this are not asked for while playing. */
const PLAYED_HEIGHT = 720;

/** Play from the shown frame until the end, or stop. */
export async function toggle() {
  if (state.playing) return stop();
  if (!state.video || state.video.problem) return;
  leaveFrame();
  const first = state.frame + 1 < state.video.frames ? state.frame : 0;
  update({ playing: true });
  try {
    await playFrom(first);
  } catch (error) {
    if (!(error instanceof Gone)) warn(error.message);
  }
  await stop();
}

export async function stop() {
  if (!state.playing) return;
  update({ playing: false });
  await settle();
}

async function playFrom(first) {
  const { rate, frames, height } = /** @type {NonNullable<typeof state.video>} */ (state.video);
  const rows = Math.min(height, PLAYED_HEIGHT, Math.ceil(find("#canvas").clientHeight * devicePixelRatio));
  const start = performance.now();
  let frame = first;
  let stride = 1;
  let mean = 0;
  while (state.playing && frame < frames) {
    prefetch(
      Array.from({ length: AHEAD }, (_, ahead) => frame + ahead * stride),
      { height: rows, withMasks: true },
    );
    const asked = performance.now();
    await showPlayed(frame, rows);
    await painted();
    mean = mean ? 0.8 * mean + 0.2 * (performance.now() - asked) : performance.now() - asked;
    const due = first + ((performance.now() - start) * rate) / 1000;
    if (due > frame + 2 * stride) stride = clamp(Math.ceil((mean * rate) / 1000), stride, Math.ceil(rate));
    else if (due < frame && stride > 1) stride -= 1;
    const next = Math.max(frame + stride, first + Math.ceil((due - first) / stride) * stride);
    await sleep(((next - due) * 1000) / rate);
    frame = next;
  }
}

const painted = () => new Promise((resolve) => requestAnimationFrame(resolve));

/** So many frames on, or back. */
export async function step(frames) {
  await stop();
  await go(state.frame + frames);
}

/** The frames that the present step is about, in order; null: every frame. */
export function keptFrames() {
  if (state.video?.check) return state.video.check.frames;
  if (!state.pipeline) return null;
  return state.pipeline.present > 2 ? state.pipeline.fine : state.pipeline.coarse;
}

/** On to the next kept frame (1), or back to the one before (-1). */
export async function stepKept(way) {
  const kept = keptFrames();
  if (!kept) return step(way);
  await stop();
  const next = way > 0 ? kept.find((frame) => frame > state.frame) : kept.findLast((frame) => frame < state.frame);
  if (next !== undefined) await go(next);
}
