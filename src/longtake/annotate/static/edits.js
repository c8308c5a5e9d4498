// Edits of the shown frame and of the video: shown at once, sent in order, undone without limit.

import { get, Gone, here, insist, post, put, remove } from "./api.js";
import { takeSeconds } from "./effort.js";
import { plural } from "./dom.js";
import { forgetMasks } from "./frames.js";
import { inLine } from "./line.js";
import { say, warn } from "./notice.js";
import { refresh } from "./refresh.js";
import { go, note, reload } from "./shown.js";
import { drawn, nameOf, retire, state, update } from "./state.js";
import { labels, repaint } from "./view.js";

/** Why the shown frame cannot be drawn on, in words; null where it can. */
function refusal() {
  if (!state.video) return "There is no video yet: add one.";
  if (state.video.problem) return state.video.problem;
  if (state.accepted) return "This frame is accepted, so it is locked. Reopen it to change it.";
  return state.loaded ? null : "This frame is still on its way.";
}

/** Whether the shown frame cannot be drawn on; if so, it has been said. */
export function refused() {
  const why = refusal();
  if (state.accepted && why) say(why, { label: "Reopen", run: reopen });
  else if (why) warn(why);
  return why !== null;
}

/** Tools that only add or only take: what another tab draws at the same time stays. */
const HOW = { brush: "adds", polygon: "adds", fill: "adds", eraser: "takes", clear: "takes" };

/** Send what a tool has drawn in a rectangle since `labels.mark()`. */
export function send(rectangle, tool, object = drawn(), frame = state.frame) {
  const path = here(`/frames/${frame}/patch`);
  const how = HOW[tool] ?? "exact";
  const runs = labels.runs(rectangle, object, how);
  const body = { object, ...rectangle, runs, how, tool, seconds: takeSeconds(), strokes: 1 };
  const start = performance.now();
  forgetMasks();
  return inLine(async () => {
    try {
      note(await insist(() => post(path, body)));
      performance.measure("stroke-stored", { start, end: performance.now() });
    } catch (error) {
      warn(error.message);
      retire(object);
      reload();
    }
    refresh("objects", "pipeline", "queue", "grid");
  });
}

/** Change the ids on the canvas by `change`, show it, and send it; says `nothing` where no pixel changed. */
export function edit(tool, change, nothing) {
  if (refused()) return;
  labels.mark();
  const touched = change(drawn());
  if (!touched) return void say(nothing);
  repaint(touched);
  send(touched, tool);
}

export const fillHoles = () => edit("fill", (object) => labels.fill(object), `${nameOf(drawn())} has no holes here.`);

export const clearObject = () =>
  edit("clear", (object) => labels.clear(object), `${nameOf(drawn())} has no pixels here.`);

/** The object is not to be seen on this frame: known, not merely undrawn. */
export function markAbsent() {
  if (refused()) return;
  edit("absent", (object) => (labels.clear(object), labels.whole), "");
  say(`${nameOf(drawn())} is not to be seen on this frame.`);
}

/** Ask for a change of the video; what it says is shown, and whatever it touches is read again. */
async function request(ask, { follow = false, words = (change) => change.name } = {}) {
  try {
    const change = await inLine(ask);
    forgetMasks();
    refresh("objects", "pipeline", "queue", "grid");
    if (follow && change.count === 1 && change.frames[0] !== state.frame) await go(change.frames[0]);
    else await reload();
    const text = words(change);
    if (text) say(text);
    return change;
  } catch (error) {
    if (!(error instanceof Gone)) warn(error.message);
    return null;
  }
}

export const undo = () => back("undo", "Undone", "There is nothing to undo.");
export const redo = () => back("redo", "Done again", "There is nothing to redo.");

function back(way, done, nothing) {
  const many = (count) => (count > 1 ? ` (${plural(count, "frame")})` : "");
  const words = ({ name, count }) => (name === null ? nothing : `${done}: ${name}${many(count)}`);
  return request(() => post(here(`/${way}`)), { follow: true, words });
}

/** Lock the frame as it is, and go to the next one that asks to be looked at. */
export async function accept() {
  if (state.accepted) return nextInQueue();
  const { frame } = state;
  const seconds = takeSeconds();
  if (seconds > 0) post(here("/time"), { frame, object: state.object, seconds }).catch(() => {});
  const change = await request(() => post(here("/accept"), { frames: [frame] }), { words: () => "" });
  if (change && state.frame === frame) await nextInQueue();
}

/** Lock all frames of the present step that have masks. */
export const acceptAll = () =>
  request(() => post(here("/accept"), { frames: null }), { words: () => "All are accepted; undo takes it back." });

export const reopen = () => request(() => post(here("/reopen"), { frames: [state.frame] }), { words: () => "" });

/** The frame that most asks to be looked at, other than this one. */
export async function nextInQueue() {
  const queue = await get(here("/queue?count=20")).catch((error) => void warn(error.message));
  if (!queue) return;
  update({ queue });
  const next = queue.find((each) => each.frame !== state.frame);
  if (next) await look(next);
  else say("No other frame is waiting to be looked at.");
}

/** Go to a frame of the queue, with the object in hand that is in doubt there. */
export async function look({ frame, object }) {
  if (object !== null) update({ object });
  await go(frame);
}

/** Change what is known of an object. */
export async function describe(object, fields) {
  try {
    await inLine(() => put(here(`/objects/${object}`), fields));
    refresh("objects");
  } catch (error) {
    if (!(error instanceof Gone)) warn(error.message);
    refresh("objects");
  }
}

export async function removeObject(object) {
  const name = nameOf(object);
  const change = await request(() => remove(here(`/objects/${object}`)), { words: () => `${name} is removed.` });
  if (change && state.object === object) update({ object: null });
}

/** Give an object's masks from `first` to `last` another id; 0 deletes them. */
export const relabel = (object, into, first, last) =>
  request(() => post(here(`/objects/${object}/relabel`), { into, first, last }));
