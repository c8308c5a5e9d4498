// The page's state: one object that is read freely, changed by `update` alone, and watched by field.

/**
 * @typedef {{video: number, name: string, source: string, frames: number, width: number, height: number, rate: number,
 *   seconds: number, problem: string|null, check: {reference: number, annotator: string, frames: number[]}|null}} Video
 * @typedef {{object: number, name: string, category: string, colour: string, description: string, masks: number}} Thing
 * @typedef {{frame: number, object: number|null, confidence: number|null, why: "doubt"|"next"}} Doubt
 * @typedef {{job: number, video: number|null, name: string, done: number, total: number, seconds_left: number|null,
 *   state: "running"|"done"|"stopped"|"failed", message: string|null}} Job
 */

/** A mask whose expected overlap with the truth is below this is in doubt. */
export const DOUBT = 0.7;

export const state = {
  project: null,
  /** @type {Video|null} */ video: null,
  frame: 0,
  /** When the frame is shown, in seconds. */
  seconds: 0,
  /** Whether the ids of `frame` are on the canvas: only then may one draw. */
  loaded: false,
  accepted: false,
  revision: 0,
  /** Of each object on the frame its origin and confidence. @type {Record<string, {origin: string, confidence: number|null}>} */
  origins: {},
  /** @type {Thing[]} */ objects: [],
  /** The object that is drawn; one that is not among `objects` is born with its first stroke. @type {number|null} */
  object: null,
  /** @type {Set<number>} */ hidden: new Set(),
  opacity: 0.5,
  outlines: true,
  /** True while the masks are hidden by a held key. */
  peek: false,
  tool: "brush",
  /** The brush's diameter in pixels of the video. */
  size: 30,
  /** Magnification, relative to the frame fitted into the window. */
  zoom: 1,
  pipeline: null,
  /** @type {Doubt[]} */ queue: [],
  /** @type {Job|null} */ job: null,
  /** Edits that the server has not answered yet. */
  pending: 0,
  /** Null while the server answers, else what to say. @type {string|null} */ trouble: null,
  playing: false,
};

/** @type {{fields: string[], run: () => void}[]} */
const watchers = [];
/** @type {Set<string>} */
let changed = new Set();

/** Change fields; those who watch them are called before the next task, once. */
export function update(fields) {
  for (const [name, value] of Object.entries(fields)) {
    if (state[name] === value) continue;
    state[name] = value;
    if (!changed.size) queueMicrotask(tell);
    changed.add(name);
  }
}

/** Call `run` now, and whenever one of the fields has changed. */
export function watch(fields, run) {
  watchers.push({ fields: fields.split(" "), run });
  run();
}

function tell() {
  const news = changed;
  changed = new Set();
  for (const { fields, run } of watchers) if (fields.some((name) => news.has(name))) run();
}

/** What a reply says of a job; news of its end may have come before it. @param {Job|null} job */
export function learn(job) {
  const known = state.job;
  if (!known || known.job !== job?.job || known.state === "running") update({ job });
}

/** The object of this id; where there is none yet, what it will be. @returns {Thing} */
export function thing(object) {
  const known = state.objects.find((each) => each.object === object);
  return known ?? { object, name: "", category: "", colour: colourOf(object), description: "", masks: 0 };
}

/** An object's name, or its number where it has none. */
export const nameOf = (object) => thing(object).name || `object ${object}`;

/** An id that no object of the video has, or has had while it was open: one that was removed is not given again. */
export const freshObject = () => (highest.get(state.video?.video) ?? 0) + 1;

/** An id that the server refuses for a new object is not tried again: the next stroke begins another. */
export function retire(object) {
  if (state.objects.some((each) => each.object === object)) return;
  highest.set(state.video?.video, Math.max(freshObject() - 1, object));
  update({ object: null });
}

/** Of each video the highest id seen or drawn. @type {Map<number|undefined, number>} */
const highest = new Map();
watch("objects", () => {
  const ids = state.objects.map((each) => each.object);
  highest.set(state.video?.video, Math.max(freshObject() - 1, ...ids));
});

/** The object that a stroke draws: the chosen one, or a first. */
export function drawn() {
  if (state.object === null) update({ object: freshObject() });
  const object = /** @type {number} */ (state.object);
  highest.set(state.video?.video, Math.max(freshObject() - 1, object));
  return object;
}

/** Hues a golden angle apart, of saturation 0.85 and lightness 0.6; as the server has it. */
export function colourOf(object) {
  const hue = (330 + 137.508 * (object - 1)) % 360;
  const channels = [0, 8, 4].map((shift) => {
    const turn = (shift + hue / 30) % 12;
    return Math.floor(255 * (0.6 - 0.34 * Math.max(-1, Math.min(turn - 3, 9 - turn, 1))) + 0.5);
  });
  return `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
