// The way to finished masks: four steps with a bar each, one button that says what comes next, the job, the queue.

import { Gone, here, post, put } from "./api.js";
import { ask, choice, field } from "./dialog.js";
import { clock, find, make, percent, plural, unpressed } from "./dom.js";
import { accept, acceptAll, look, nextInQueue } from "./edits.js";
import { addVideo, openExport } from "./delivery.js";
import { say, warn } from "./notice.js";
import { openQuality } from "./reports.js";
import { refresh } from "./refresh.js";
import { choose } from "./tools.js";
import { DOUBT, learn, nameOf, state, update, watch } from "./state.js";

/** @typedef {{label: string, note: string, run: (() => void)|null}} Next */

const EXPECTED = "How well the mask is expected to fit (J)";

/** What comes next. @returns {Next} */
export function next() {
  const { video, pipeline, job } = state;
  if (!video) return { label: "Add a video", note: "A file of your own: it stays on this machine.", run: addVideo };
  if (job?.state === "running") return { label: "Working…", note: "You may go on drawing meanwhile.", run: null };
  if (video.check) return review("Label this frame by hand, as if for the first time; then accept it.");
  if (!state.objects.length) {
    return {
      label: "Draw the object",
      note: "Go to a frame that shows it well, and paint it or drag a box.",
      run: beginDrawing,
    };
  }
  if (!pipeline) return { label: "…", note: "", run: null };
  const step = pipeline.steps[pipeline.present - 1];
  if (pipeline.steps.every(({ done, total }) => total > 0 && done >= total)) {
    return { label: "Export the masks", note: "Every frame is done.", run: openExport };
  }
  if (step.step % 2 === 0)
    return review("Correct what is wrong; “Follow from here” carries it on. Then accept the frame.");
  const rate = step.step === 1 ? pipeline.settings.coarse_rate : pipeline.settings.fine_rate;
  const label = step.step === 1 ? `Follow ${state.objects.length > 1 ? "them" : "it"}: ${perSecond(rate)}` : `Fill in between: ${perSecond(rate)}`;
  return { label, note: step.why ?? "", run: step.ready ? () => run(step.step) : null };
}

function review(note) {
  const waiting = state.queue.some((each) => each.frame === state.frame);
  if (waiting && !state.accepted) return { label: "Accept this frame", note, run: accept };
  const [first] = state.queue;
  return first
    ? { label: "Show the next frame to look at", note: "", run: nextInQueue }
    : state.video?.check
      ? { label: "Show how well it agrees", note: "Every frame of the check is labelled.", run: openQuality }
      : { label: "Nothing left to look at", note: "", run: null };
}

const perSecond = (rate) => (rate === null ? "a mask on every frame" : `${plural(rate, "mask")} a second`);

function beginDrawing() {
  choose("brush");
  find("#canvas").focus();
  say("Drag over the object in the picture.");
}

/** Do what the button says. */
export const doNext = () => next().run?.();

async function start(path, body) {
  try {
    learn(await post(path, body));
  } catch (error) {
    if (!(error instanceof Gone)) warn(error.message);
  }
}

const run = (step) => start(here("/run"), { step });

/** Follow the objects from the shown frame, as far as the next frames that a person drew. */
export const follow = (to) => start(here("/spread"), { frame: state.frame, to });

export async function stopJob() {
  try {
    learn(await post("/job/stop"));
  } catch (error) {
    if (!(error instanceof Gone)) warn(error.message);
  }
}

/** Accept every frame of the present step that has masks, without looking at each. */
export async function acceptRest() {
  const { pipeline, queue, video } = state;
  if (!pipeline || !video) return;
  if (!queue.length) return say("Nothing is waiting in this step.");
  const { done, total } = pipeline.steps[pipeline.present > 2 ? 3 : 1];
  const words = `${plural(total - done, "frame")} of this step ${total - done === 1 ? "is" : "are"} not accepted yet.`;
  const doubt = queue[0].confidence === null ? "" : ` The least certain mask is expected to fit by ${percent(queue[0].confidence)}.`;
  const answer = await ask("accept", "Accept them all?", "Accept all", make("p", {}, `${words}${doubt}`));
  if (answer) await acceptAll();
}

/** The rates of the two passes, and which frames are looked at. */
export async function openSettings() {
  if (!state.pipeline) return;
  const { coarse_rate, fine_rate, look: looked } = state.pipeline.settings;
  const number = (name, value) =>
    make("input", { name, type: "number", min: 0.01, step: "any", value: value ?? "", placeholder: "every frame" });
  const answer = await ask(
    "settings",
    "How many masks a second",
    "Save",
    field("First pass, looked at in step 2", number("coarse_rate", coarse_rate), "masks a second; 1 in the LVOS paper"),
    field(
      "Second pass, looked at in step 4",
      number("fine_rate", fine_rate),
      "masks a second; 6 in the paper, empty for every frame",
    ),
    field(
      "To follow objects, the model looks at",
      choice(
        "look",
        [
          ["all", "every frame (follows best)"],
          ["kept", "only the frames that are kept (quickest)"],
        ],
        looked,
      ),
    ),
  );
  if (!answer) return;
  const fine = answer.fine_rate === "" ? null : Number(answer.fine_rate);
  try {
    const settings = { coarse_rate: Number(answer.coarse_rate), fine_rate: fine, look: answer.look };
    update({ pipeline: await put(here("/pipeline"), settings) });
    refresh("queue", "grid");
  } catch (error) {
    warn(error.message);
  }
}

function bar(done, total) {
  const share = total ? Math.min(1, done / total) : 0;
  const fill = make("i", { style: { width: `${100 * share}%` } });
  return make(
    "div",
    { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": total, "aria-valuenow": done },
    fill,
  );
}

function renderSteps() {
  const steps = (state.pipeline?.steps ?? []).filter(({ step }) => !state.video?.check || step === 2);
  find("#steps").replaceChildren(
    ...steps.map(({ step, name, done, total }) =>
      make(
        "li",
        {
          class: step === state.pipeline.present ? "step present" : "step",
          "aria-current": step === state.pipeline.present ? "step" : false,
          "data-testid": `step-${step}`,
          "data-done": done,
          "data-total": total,
        },
        make("span", { class: "number" }, total > 0 && done >= total ? "✓" : String(step)),
        make("span", { class: "name" }, name),
        make("small", {}, `${done.toLocaleString("en")} / ${total.toLocaleString("en")}`),
        bar(done, total),
      ),
    ),
  );
}

function renderNext() {
  const { label, note, run } = next();
  const button = /** @type {HTMLButtonElement} */ (find("#next"));
  button.textContent = label;
  button.disabled = run === null;
  find("#next-note").textContent = note;
  find("#follow").hidden = !state.objects.length || state.video?.check !== null || state.job?.state === "running";
}

function renderJob() {
  const { job } = state;
  const card = find("#job");
  card.hidden = job?.state !== "running";
  if (card.hidden) return;
  const { name, done, total, seconds_left: left } = job;
  find("#job-name").textContent = name;
  const far = total ? `${done} / ${total}` : "beginning…";
  find("#job-left").textContent = left === null ? far : `${far} · ${clock(Math.ceil(left))} left`;
  find("#job-bar").replaceChildren(bar(done, total));
}

/** Tell how a job ended, once. */
export function ended(job) {
  const tell = job.state === "failed" ? warn : say;
  tell(`${job.name}: ${job.message ?? job.state}`);
}

function renderQueue() {
  find("#queue").replaceChildren(
    ...state.queue.map((each) => {
      const { frame, object, confidence, why } = each;
      const time = clock(frame / (state.video?.rate ?? 1), true);
      return make(
        "li",
        {},
        make(
          "button",
          { class: frame === state.frame ? "chosen" : "", "data-testid": `queue-${frame}`, onclick: () => look(each) },
          make("span", {}, `${time}`),
          make("span", { class: "who" }, object === null ? (why === "next" ? "not accepted yet" : "") : nameOf(object)),
          make(
            "small",
            { class: confidence !== null && confidence < DOUBT ? "doubt" : "", title: EXPECTED },
            confidence === null ? "" : percent(confidence),
          ),
        ),
      );
    }),
  );
  find("#queue-empty").hidden = state.queue.length > 0;
}

watch("pipeline video", renderSteps);
watch("video objects pipeline queue frame accepted job", renderNext);
watch("job", renderJob);
watch("queue frame objects video", unpressed(find("#queue"), renderQueue));
