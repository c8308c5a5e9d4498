// The shown frame: how another one comes to be shown, and how it is read again when its masks have changed.

import { insist } from "./api.js";
import { clamp } from "./dom.js";
import { leaveFrame } from "./effort.js";
import { freshMasks, keptMasks, picture, prefetch } from "./frames.js";
import { isQuiet, quiet } from "./line.js";
import { warn } from "./notice.js";
import { state, update } from "./state.js";
import { show, showPicture } from "./view.js";

/** The frame on the canvas, and whether its masks may be others by now. */
let standing = -1;
let stale = false;
/** @type {Promise<void>|null} */
let loading = null;

/** Show a frame. While it is fetched, further wishes replace each other: held arrow keys do not pile up. */
export function go(frame) {
  if (!state.video) return Promise.resolve();
  const wanted = clamp(Math.round(frame), 0, state.video.frames - 1);
  if (wanted === state.frame && standing === wanted) return Promise.resolve();
  leaveFrame();
  standing = -1; // also where it is the frame that stood there before another was asked for
  update({ frame: wanted, seconds: wanted / state.video.rate, loaded: false });
  return load();
}

/** Read the shown frame's masks again. */
export function reload() {
  stale = true;
  return load();
}

/** Begin with another video. */
export function startAt(frame) {
  standing = -1;
  update({ frame, loaded: false, origins: {}, accepted: false });
  return load();
}

/** What the server said of a frame along with its masks. */
export function note({ frame, seconds, accepted, revision, objects }) {
  if (frame === state.frame) update({ seconds, accepted, revision, origins: objects });
}

function load() {
  loading ??= (async () => {
    while (stale || standing !== state.frame) {
      stale = false;
      await loadOnce(state.video, state.frame);
    }
  })().finally(() => {
    loading = null;
  });
  return loading;
}

async function loadOnce(video, frame) {
  const moved = standing !== frame;
  const bitmap = moved ? insist(() => picture(frame)).catch(complain) : undefined;
  await quiet();
  const masks = await insist(() => freshMasks(frame)).catch(complain);
  const image = await bitmap;
  if (state.video !== video || state.frame !== frame) return;
  if (!isQuiet()) {
    stale = true;
    return;
  }
  standing = frame;
  if (!masks) return;
  show(image, masks.runs);
  note(masks);
  update({ loaded: true });
  if (moved) prefetch([frame + 1, frame - 1]);
}

const GONE = 410;

function complain(error) {
  if (error.status === GONE) dispatchEvent(new Event("video-gone"));
  else warn(error.message);
  return null;
}

/** While playing: picture and masks of a frame from what was fetched ahead. */
export async function showPlayed(frame, height) {
  const [bitmap, masks] = await Promise.all([picture(frame, height), keptMasks(frame)]);
  if (!state.playing) return;
  standing = frame;
  update({ frame, loaded: false });
  show(bitmap, masks.runs);
  note(masks);
}

/** After playing: the frame in full, and to be drawn on. */
export async function settle() {
  const frame = state.frame;
  const bitmap = await picture(frame).catch(() => null);
  if (bitmap && state.frame === frame) showPicture(bitmap);
  await reload();
}
