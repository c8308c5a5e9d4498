// Reading again what others may have changed: objects, steps, queue, grid; seldom enough not to hurt.

import { get, Gone, here } from "./api.js";
import { paced } from "./dom.js";
import { warn } from "./notice.js";
import { state, update } from "./state.js";

const PAUSE = 600;

/** What is read, and what it changes. @type {Record<string, () => Promise<Partial<typeof state>>>} */
const readers = {
  objects: async () => ({ objects: await get(here("/objects")) }),
  pipeline: async () => ({ pipeline: await get(here("/pipeline")) }),
  queue: async () => ({ queue: await get(here("/queue?count=20")) }),
  grid: async () => (dispatchEvent(new Event("grid-changed")), {}),
};

const paces = Object.fromEntries(
  Object.entries(readers).map(([name, read]) => [name, paced(() => guarded(read), PAUSE)]),
);

async function guarded(read) {
  const video = state.video?.video;
  if (video === undefined) return;
  try {
    const news = await read();
    if (state.video?.video === video) update(news);
  } catch (error) {
    if (!(error instanceof Gone)) warn(error.message);
  }
}

/** Read these again, soon. @param {...("objects"|"pipeline"|"queue"|"grid")} names */
export function refresh(...names) {
  for (const name of names) paces[name]();
}

/** Read all of the open video now. */
export const readAll = () => Promise.all(Object.values(readers).map(guarded));
