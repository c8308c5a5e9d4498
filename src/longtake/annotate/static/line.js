// The line in which edits wait for the server: in order, one at a time; whoever reads masks waits until it is quiet.

import { state, update } from "./state.js";

let last = Promise.resolve();
let strokes = 0;
/** @type {(() => void)[]} */
const waiting = [];

/** Run a task when those before it are done; the promise is the task's. @template T @param {() => Promise<T>} task */
export function inLine(task) {
  update({ pending: state.pending + 1 });
  const done = last.then(task);
  last = done.then(leave, leave);
  return done;
}

function leave() {
  update({ pending: state.pending - 1 });
  wake();
}

/** A stroke begins: nothing is loaded over it until it has ended. */
export function beginStroke() {
  strokes += 1;
}

export function endStroke() {
  strokes -= 1;
  wake();
}

export const isQuiet = () => state.pending === 0 && strokes === 0;

function wake() {
  if (!isQuiet()) return;
  for (const resolve of waiting.splice(0)) resolve();
}

/** Resolves when no stroke is drawn and every edit is answered. */
export async function quiet() {
  while (!isQuiet()) await new Promise((resolve) => waiting.push(() => resolve(null)));
}
