// Pictures and masks of frames, asked for once, kept while they are near, and fetched ahead of the one who watches.

import { get, here } from "./api.js";
import { state } from "./state.js";

/** As many pictures are kept: a 1080p one takes 8 MB. */
const KEPT = 16;

/** A bounded memory of promises: the least recently asked for goes first. */
class Kept {
  /** @type {Map<string, Promise<any>>} */
  #entries = new Map();

  constructor(dispose = (_value) => {}) {
    this.dispose = dispose;
  }

  get(key, make) {
    const entry = this.#entries.get(key) ?? make();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.catch(() => this.#entries.delete(key));
    if (this.#entries.size > KEPT) this.#drop(this.#entries.keys().next().value);
    return entry;
  }

  clear() {
    for (const key of [...this.#entries.keys()]) this.#drop(key);
  }

  #drop(key) {
    this.#entries.get(key)?.then(this.dispose, () => {});
    this.#entries.delete(key);
  }
}

const pictures = new Kept((bitmap) => bitmap.close());
const masks = new Kept();

/** A frame's picture, at most so high. @returns {Promise<ImageBitmap>} */
export function picture(frame, height = state.video?.height) {
  const path = image(frame, `height=${height}`);
  return pictures.get(path, async () => createImageBitmap(await get(path)));
}

/** The browser keeps pictures, and the address may be another project's tomorrow: so it says of which file they are. */
const image = (frame, wish) =>
  here(`/frames/${frame}/image?${wish}&of=${encodeURIComponent(state.video?.source ?? "")}`);

/** A frame's masks as the server has them now. */
export const freshMasks = (frame) => get(here(`/frames/${frame}/masks`));

/** A frame's masks; while playing they may have been asked for a little earlier. */
export function keptMasks(frame) {
  return masks.get(here(`/frames/${frame}`), () => freshMasks(frame));
}

/** Masks have changed somewhere: none that is kept may be trusted. */
export const forgetMasks = () => masks.clear();

/**
 * Have pictures ready, and masks where the frames will be played.
 * @param {number[]} frames @param {{height?: number, withMasks?: boolean}} [options]
 */
export function prefetch(frames, { height, withMasks = false } = {}) {
  for (const frame of frames) {
    if (frame < 0 || frame >= state.video.frames) continue;
    picture(frame, height).catch(() => {});
    if (withMasks) keptMasks(frame).catch(() => {});
  }
}

/** The address of a frame's small picture, of the quickest that is near. */
export const thumbnail = (frame, height) => `api${image(frame, `near=true&height=${height}`)}`;
