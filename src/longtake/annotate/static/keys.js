// The one table of what can be done: the keyboard, the buttons' words and tips, and the help are made from it.

import { addVideo, importProposals, openExport } from "./delivery.js";
import { isOpen, open } from "./dialog.js";
import { find, findAll, make } from "./dom.js";
import { accept, clearObject, fillHoles, markAbsent, nextInQueue, redo, reopen, undo } from "./edits.js";
import { begin, chooseBeside, relabelChosen, removeChosen, rename, toggleVisible } from "./objects.js";
import { step, stepKept, toggle } from "./player.js";
import { openEffort, openQuality } from "./reports.js";
import { acceptRest, doNext, follow, openSettings, stopJob } from "./steps.js";
import { go } from "./shown.js";
import { state, update } from "./state.js";
import { back, choose, enter, holdSpace, leave, resize } from "./tools.js";
import { toggleTheme } from "./theme.js";
import { zoomTime } from "./timeline.js";
import { canvas, fit, oneToOne, zoomBy } from "./view.js";

/** @typedef {{name: string, words: string, keys: string[], run: () => any, hold?: (down: boolean) => void}} Command */

const command = (name, words, keys, run, hold) => ({ name, words, keys, run, hold });
const opacity = (change) =>
  update({ opacity: Math.min(1, Math.max(0, Math.round((state.opacity + change) * 100) / 100)) });

/** @type {Record<string, Command[]>} */
const groups = {
  Draw: [
    command("brush", "Brush", ["B"], () => choose("brush")),
    command("eraser", "Eraser", ["E"], () => choose("eraser")),
    command("polygon", "Polygon", ["P"], () => choose("polygon")),
    command("box", "Box: find the outline in it", ["R"], () => choose("box")),
    command("smaller", "Smaller brush", ["["], () => resize(1 / 1.2)),
    command("larger", "Larger brush", ["]"], () => resize(1.2)),
    command("fill", "Fill the object's holes", ["F"], fillHoles),
    command("absent", "The object is not to be seen here", ["A"], markAbsent),
    command("clear", "Clear the object on this frame", ["Delete"], clearObject),
    command("undo", "Undo", ["Ctrl+Z"], undo),
    command("redo", "Redo", ["Ctrl+Shift+Z", "Ctrl+Y"], redo),
    command("back", "Polygon: take the last corner back", ["Backspace"], back),
    command("leave", "Leave the polygon or box", ["Escape"], leave),
  ],
  Review: [
    command("accept", "Accept the frame, go to the next (polygon: close it)", ["Enter"], () => enter() || accept()),
    command("accept-rest", "Accept all other frames of this step", ["Shift+Y"], acceptRest),
    command("reopen", "Reopen an accepted frame", ["Shift+Enter"], reopen),
    command("queue", "Next frame of the queue", ["Q"], nextInQueue),
    command("next", "Do what the blue button says", ["Ctrl+Enter"], doNext),
    command("follow", "Follow from this frame, both ways", ["T"], () => follow("both")),
    command("follow-forward", "Follow from this frame, forward", ["Shift+T"], () => follow("forward")),
    command("follow-backward", "Follow from this frame, backward", ["Alt+T"], () => follow("backward")),
    command("stop", "Stop what is running", ["Shift+S"], stopJob),
    command("settings", "Masks a second", ["Shift+R"], openSettings),
  ],
  Objects: [
    command("new", "New object", ["N"], begin),
    command("object-previous", "Object before", ["ArrowUp"], () => chooseBeside(-1)),
    command("object-next", "Object after", ["ArrowDown"], () => chooseBeside(1)),
    command("rename", "Name the object", ["F2"], rename),
    command("visible", "Show or hide the object", ["V"], () => toggleVisible()),
    command("relabel", "Split or merge over a range of frames", ["M"], () => relabelChosen()),
    command("remove", "Remove the object from every frame", ["Shift+Delete"], () => removeChosen()),
  ],
  Time: [
    command("play", "Play or pause", ["K", "Space"], toggle),
    command("step-back", "Frame before", ["ArrowLeft"], () => step(-1)),
    command("step-on", "Frame after", ["ArrowRight"], () => step(1)),
    command("jump-back", "A second back", ["Shift+ArrowLeft"], () => step(-Math.round(state.video?.rate ?? 1))),
    command("jump-on", "A second on", ["Shift+ArrowRight"], () => step(Math.round(state.video?.rate ?? 1))),
    command("kept-back", "Kept frame before", [","], () => stepKept(-1)),
    command("kept-on", "Kept frame after", ["."], () => stepKept(1)),
    command("first", "First frame", ["Home"], () => go(0)),
    command("last", "Last frame", ["End"], () => go(Infinity)),
    command("goto", "Go to a frame by number", ["G"], () => find("#frame").select()),
    command("time-in", "Magnify the timeline", ["Z"], () => zoomTime(1.6)),
    command("time-out", "Shrink the timeline", ["Shift+Z"], () => zoomTime(1 / 1.6)),
  ],
  View: [
    command("zoom-in", "Zoom in", ["+", "="], () => zoomBy(1.25)),
    command("zoom-out", "Zoom out", ["-"], () => zoomBy(1 / 1.25)),
    command("fit", "Whole frame", ["0"], fit),
    command("one", "One to one", ["1"], oneToOne),
    command(
      "pan",
      "Pan: hold, and drag (or the middle button)",
      ["Space"],
      () => {},
      (down) => holdSpace(down, toggle),
    ),
    command(
      "peek",
      "Hide the masks while held",
      ["H"],
      () => {},
      (down) => update({ peek: down }),
    ),
    command("outlines", "Outlines", ["O"], () => update({ outlines: !state.outlines })),
    command("fainter", "Fainter masks", ["Shift+ArrowDown"], () => opacity(-0.1)),
    command("stronger", "Stronger masks", ["Shift+ArrowUp"], () => opacity(0.1)),
    command("theme", "Light or dark", ["Shift+D"], toggleTheme),
  ],
  Project: [
    command("add", "Add a video", ["Shift+A"], () => addVideo()),
    command("import", "Import masks to begin with", ["Shift+I"], importProposals),
    command("export", "Export", ["Shift+E"], openExport),
    command("effort", "Effort", ["Shift+L"], openEffort),
    command("quality", "Quality check", ["Shift+Q"], openQuality),
    command("help", "All keys", ["?"], openHelp),
  ],
};

/** @type {Map<string, Command>} */
const byName = new Map();
/** @type {Map<string, Command>} */
const byKey = new Map();
for (const each of Object.values(groups).flat()) {
  byName.set(each.name, each);
  for (const key of each.keys) if (!byKey.has(key) || each.hold) byKey.set(key, each);
}

const signs = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Delete: "Del", Escape: "Esc" };
const shown = (key) =>
  key
    .split("+")
    .map((part) => signs[part] ?? part)
    .filter(Boolean);
const spoken = (key) => (key === "+" ? "+" : shown(key).join(" "));

/** A key with its modifiers, as the table has it: a letter's Shift counts, that of a sign is in the sign. */
function chord(event) {
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shift = event.shiftKey && (key.length > 1 || /[A-Z]/.test(key));
  return [(event.ctrlKey || event.metaKey) && "Ctrl", event.altKey && "Alt", shift && "Shift", key]
    .filter(Boolean)
    .join("+");
}

const TYPED = "input:not([type=range], [type=checkbox]), textarea, select";

/** Keys that belong to what has the focus: text in a field, the arrows of a slider, Enter on a button. */
function taken(event) {
  const { target } = event;
  if (isOpen() || !(target instanceof Element)) return true;
  if (target.matches(TYPED)) {
    if (event.key === "Escape") canvas.focus();
    return true;
  }
  if (target.matches("input[type=range]")) return event.key.startsWith("Arrow");
  return target.matches("button, a, summary, input") && !event.ctrlKey && (event.key === "Enter" || event.key === " ");
}

addEventListener("keydown", (event) => {
  const found = byKey.get(chord(event));
  if (!found || taken(event)) return;
  event.preventDefault();
  if (!found.hold) found.run();
  else if (!event.repeat) found.hold(true);
});

addEventListener("keyup", (event) => {
  for (const { hold, keys } of byName.values()) if (hold && keys.includes(chord(event))) hold(false);
});

/** Buttons say which command they are; the table gives them their words, and does it. */
export function furnishButtons() {
  for (const button of findAll("[data-command]")) {
    const { words, keys, run } = /** @type {Command} */ (byName.get(button.dataset.command ?? ""));
    button.title = `${words} (${spoken(keys[0])})`;
    if (!button.textContent?.trim()) button.setAttribute("aria-label", words);
    button.setAttribute("aria-keyshortcuts", keys.map((key) => key.replace("Ctrl", "Control")).join(" "));
    button.dataset.testid ??= `command-${button.dataset.command}`;
    button.addEventListener("click", (event) => {
      if (event.detail > 0) canvas.focus();
      run();
    });
  }
}

function openHelp() {
  const lists = Object.entries(groups).map(([group, commands]) =>
    make(
      "section",
      {},
      make("h3", {}, group),
      make("dl", {}, ...commands.flatMap(({ words, keys }) => [make("dt", {}, ...caps(keys)), make("dd", {}, words)])),
    ),
  );
  const mouse =
    "Wheel: zoom · Shift and wheel: brush size · right button: erase · middle button: pan · wheel over the timeline: magnify time";
  open("help", "Keys", make("div", { class: "keys" }, ...lists), make("p", { class: "muted" }, mouse));
}

const caps = (keys) =>
  keys.flatMap((key, index) => [
    ...(index ? [" or "] : []),
    ...(key === "+" ? ["+"] : shown(key)).map((part) => make("kbd", {}, part)),
  ]);
