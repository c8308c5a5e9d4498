// Effort and quality: what the work took and how good it is, next to the figures of the LVOS paper.

import { get, Gone, here, post } from "./api.js";
import { field, open } from "./dialog.js";
import { draw, make, percent, plural } from "./dom.js";
import { warn } from "./notice.js";
import { nameOf, state } from "./state.js";

const MOST_ROWS = 400;

async function read(path) {
  try {
    return await get(path);
  } catch (error) {
    if (!(error instanceof Gone)) warn(error.message);
    return null;
  }
}

function table(heads, rows) {
  const head = make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text))));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((text) => make("td", {}, String(text)))));
  return make("div", { class: "scroll" }, make("table", {}, head, make("tbody", {}, ...body)));
}

/**
 * Bars in groups, one for what was measured and one for the paper.
 * @param {string} title @param {{label: string, value: number|null, paper: number|null}[]} groups
 * @param {(value: number) => string} words @param {number} [most] the length of the whole axis
 */
function bars(title, groups, words, most) {
  const [left, row, wide] = [96, 44, 250];
  const longest = most ?? Math.max(...groups.flatMap(({ value, paper }) => [value ?? 0, paper ?? 0]), 1e-9);
  const shapes = groups.flatMap(({ label, value, paper }, index) => {
    const y = index * row + 6;
    const one = (size, top, look) =>
      size === null
        ? []
        : [
            draw("rect", {
              x: left,
              y: top,
              width: Math.max(1, (size / longest) * wide),
              height: 13,
              rx: 2,
              class: look,
            }),
            draw("text", { x: left + Math.max(1, (size / longest) * wide) + 6, y: top + 11 }, words(size)),
          ];
    return [
      draw("text", { x: left - 8, y: y + 18, class: "label" }, label),
      ...one(value, y, "ours"),
      ...one(paper, y + 15, "paper"),
    ];
  });
  const chart = draw(
    "svg",
    { viewBox: `0 0 ${left + wide + 90} ${groups.length * row}`, role: "img", "aria-label": title },
    ...shapes,
  );
  return make("figure", { class: "chart" }, make("figcaption", {}, title), chart);
}

/** Seconds and strokes, frame by frame and step by step. */
export async function openEffort() {
  if (!state.video) return;
  const effort = await read(here("/effort"));
  if (!effort) return;
  const { rows, steps, minutes, minutes_per_500_frames: per500, paper } = effort;
  const corrected = steps
    .filter(({ step }) => step in paper.corrected)
    .map(({ step, share }) => ({ label: `Step ${step}`, value: share, paper: paper.corrected[step] }));
  const time = [
    { label: "This way", value: per500, paper: paper.minutes_pipeline },
    { label: "All by hand", value: null, paper: paper.minutes_by_hand },
  ];
  open(
    "effort",
    "Effort",
    make(
      "p",
      { class: "figure", "data-testid": "effort-minutes" },
      make("b", {}, minutes.toFixed(1)),
      " minutes of work on this video",
    ),
    make(
      "p",
      { class: "key" },
      make("i", { class: "ours" }),
      "this project ",
      make("i", { class: "paper" }),
      "LVOS paper",
    ),
    make(
      "div",
      { class: "charts" },
      bars("Share of the frames that had to be corrected", corrected, (value) => percent(value), 1),
      bars(`Minutes for ${paper.frames} frames`, time, (value) => value.toFixed(0)),
    ),
    make("h3", {}, "By step"),
    table(
      ["Step", "Frames", "Corrected", "Share", "Minutes", "Strokes"],
      steps.map((each) => [
        each.step,
        each.frames,
        each.corrected,
        percent(each.share ?? 0),
        (each.seconds / 60).toFixed(1),
        each.strokes,
      ]),
    ),
    make("h3", {}, "By frame and object"),
    table(
      ["Frame", "Object", "Step", "Annotator", "Seconds", "Strokes"],
      rows
        .slice(0, MOST_ROWS)
        .map((each) => [
          each.frame,
          each.object === null ? "" : nameOf(each.object),
          each.step,
          each.annotator,
          each.seconds.toFixed(1),
          each.strokes,
        ]),
    ),
    rows.length > MOST_ROWS
      ? make("small", {}, `The first ${MOST_ROWS} of ${rows.length} rows; all of them go with the LVOS export.`)
      : null,
  );
}

/** Label a sample again, and see how well both agree. */
export async function openQuality() {
  if (!state.video) return;
  const reference = state.video.check?.reference ?? state.video.video;
  const quality = await read(`/videos/${reference}/quality`);
  if (!quality) return;
  const { mean, paper, rows, annotators } = quality;
  const count = make("input", { type: "number", name: "count", min: 1, max: 1000, value: 10 });
  const go = make("button", { class: "primary", "data-testid": "check-start" }, "Begin a check");
  const form = make("form", { method: "dialog", class: "inline" }, field("Frames to label again", count), go);
  const dialog = open(
    "quality",
    "Quality check",
    make(
      "p",
      {},
      "Accepted frames, drawn at random, are labelled again without a look at their masks. ",
      "The overlap (J, intersection over union) of both tells how sure the masks are.",
    ),
    form,
    mean === null
      ? make("p", { class: "muted" }, "Nothing has been labelled again yet.")
      : make(
          "p",
          { class: "figure", "data-testid": "quality-mean" },
          make("b", {}, mean.toFixed(3)),
          ` mean J; ${paper} in the LVOS paper`,
        ),
    annotators.length
      ? bars(
          "Mean J by annotator",
          annotators.map((each) => ({ label: each.annotator, value: each.mean, paper })),
          (value) => value.toFixed(3),
          1,
        )
      : null,
    rows.length
      ? table(
          ["Annotator", "Frame", "Object", "J"],
          rows.map((each) => [each.annotator, each.frame, nameOf(each.object), each.j.toFixed(3)]),
        )
      : null,
    rows.length ? make("small", {}, plural(rows.length, "mask")) : null,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const video = await post(`/videos/${reference}/checks`, { count: Number(count.value) });
      dialog.close();
      dispatchEvent(new CustomEvent("open-video", { detail: video.video }));
    } catch (error) {
      warn(error.message);
    }
  });
}
