// Where the page begins: it opens the project where it was left, listens for news, and connects bar and buttons.

import { annotator, Gone, get, here, insist, listen, put, tab } from "./api.js";
import { addVideo } from "./delivery.js";
import { alone, clock, find, findAll, make, percent, settled, sleep } from "./dom.js";
import { reopen } from "./edits.js";
import { leaveFrame } from "./effort.js";
import { forgetMasks } from "./frames.js";
import { furnishIcons, icon } from "./icons.js";
import { furnishButtons } from "./keys.js";
import { say, warn } from "./notice.js";
import { stop } from "./player.js";
import { readAll, refresh } from "./refresh.js";
import { go, reload, startAt } from "./shown.js";
import { state, update, watch } from "./state.js";
import { ended } from "./steps.js";
import { onTheme } from "./theme.js";
import { openTimeline, retheme as rethemeTimeline } from "./timeline.js";
import { hint } from "./tools.js";
import { labels, lookAt, lookedAt, openView, retheme as rethemeView } from "./view.js";

async function readProject() {
  const project = await get("/project");
  const video = project.videos.find((each) => each.video === state.video?.video) ?? null;
  update({ project, ...(video && { video }) });
}

/** Open a video where it was left. */
async function openVideo(number) {
  await stop();
  leaveFrame();
  const video = state.project.videos.find((each) => each.video === number);
  if (!video) return;
  update({ video, objects: [], queue: [], pipeline: null, object: null, hidden: new Set() });
  forgetMasks();
  openView(video);
  openTimeline();
  const place = await get(here("/place")).catch(() => null);
  if (place) {
    update({ hidden: new Set(place.hidden), opacity: place.opacity, object: place.object });
    lookAt(place);
  }
  const shown = startAt(Math.min(place?.frame ?? video.check?.frames[0] ?? 0, video.frames - 1));
  await Promise.all([readAll(), shown]);
  if (state.object === null && state.objects.length) update({ object: state.objects[0].object });
  keepPlace();
}

/** The file of the open video has vanished: say so, and go on once it is back. */
const awaitVideo = alone(async () => {
  const { video } = state;
  do {
    await insist(readProject);
    await sleep(2000);
  } while (state.video?.video === video.video && state.video.problem);
  if (state.video?.video !== video.video) return;
  openTimeline();
  await startAt(state.frame);
});

const keepPlace = settled(() => {
  if (!state.video || state.playing) return;
  const { frame, hidden, opacity, object } = state;
  put(here("/place"), { frame, hidden: [...hidden], opacity, object, ...lookedAt() }).catch(() => {});
}, 700);

/** What the server tells: another tab's changes, a job's progress, other videos. */
function hear(news) {
  if (news.type === "changed") hearChanged(news);
  else if (news.type === "job") hearJob(news);
  else if (news.type === "videos") readProject().catch(() => {});
  else if (news.type === "all") readAgain().catch(() => {});
}

function hearChanged({ video, frames, objects, tab: from }) {
  if (video !== state.video?.video) return;
  refresh("pipeline", "queue", "grid", "objects");
  if (from === tab) return;
  forgetMasks();
  if (!frames.some(([first, last]) => first <= state.frame && state.frame <= last)) return;
  if (!state.playing) reload();
  if (from) say("Changed in another tab: this frame is shown as it is now.");
  else if (objects) refresh("objects");
}

function hearJob(job) {
  const was = state.job;
  update({ job });
  if (job.state === "running" || (was?.job === job.job && was.state !== "running")) return;
  ended(job);
  forgetMasks();
  refresh("pipeline", "queue", "grid", "objects");
  if (!state.playing) reload();
}

/** Whatever may have changed meanwhile is read again. */
async function readAgain() {
  forgetMasks();
  await readProject();
  update({ job: await get("/job") });
  await Promise.all([readAll(), reload()]);
}

function renderVideos() {
  const select = /** @type {HTMLSelectElement} */ (find("#videos"));
  const words = ({ name, check }) => (check ? `${name} (quality check, ${check.annotator})` : name);
  const videos = state.project?.videos ?? [];
  select.replaceChildren(...videos.map((each) => make("option", { value: each.video }, words(each))));
  select.value = String(state.video?.video ?? "");
  select.hidden = videos.length === 0;
  find("#project").textContent = state.project?.name ?? "";
  const model = state.project?.model;
  find("#model").textContent = model ? `with ${model === "default" ? "the bundled model" : model}` : "";
  find("#welcome").hidden = state.project === null || videos.length > 0;
}

function renderFrame() {
  const { video, frame, seconds } = state;
  const field = /** @type {HTMLInputElement} */ (find("#frame"));
  if (document.activeElement !== field) field.value = String(frame);
  field.max = String((video?.frames ?? 1) - 1);
  find("#frames").textContent = video ? `of ${(video.frames - 1).toLocaleString("en")}` : "";
  find("#time").textContent = video ? `${clock(seconds, true)} / ${clock(video.seconds, true)}` : "";
}

function renderBanner() {
  const { trouble, video, accepted } = state;
  const banner = find("#banner");
  const text = trouble ?? video?.problem ?? (accepted ? "This frame is accepted and locked." : null);
  banner.hidden = text === null;
  banner.className = trouble || video?.problem ? "bad" : "good";
  find("#banner-text").textContent = text ?? "";
  find("#reopen").hidden = !accepted || trouble !== null;
}

function renderTools() {
  for (const button of findAll("#tools [data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === state.tool));
  }
  find("#hint").textContent = hint();
  find("#size").value = Math.log(state.size);
  find("#size-value").textContent = String(state.size);
  find("#size-field").hidden = !["brush", "eraser"].includes(state.tool);
  find("#opacity").value = state.opacity;
  find("[data-command=outlines]").setAttribute("aria-pressed", String(state.outlines));
  find("#zoom").textContent = percent(state.zoom);
}

function renderPlay() {
  find("[data-command=play]").replaceChildren(icon(state.playing ? "pause" : "play"));
}

function renderSaved() {
  const { pending, trouble } = state;
  find("#saved").textContent = trouble ? "Not connected" : pending ? "Saving…" : "Saved";
  find("#saved").dataset.state = trouble ? "gone" : pending ? "saving" : "saved";
}

function connect() {
  find("#videos").addEventListener("change", (event) => openVideo(Number(event.target.value)));
  find("#frame").addEventListener("change", (event) => {
    go(Number(event.target.value));
    find("#canvas").focus();
  });
  find("#frame").addEventListener("keydown", (event) => event.key === "Enter" && find("#canvas").focus());
  find("#size").addEventListener("input", (event) => update({ size: Math.round(Math.exp(event.target.value)) }));
  find("#opacity").addEventListener("input", (event) => update({ opacity: Number(event.target.value) }));
  find("#reopen").addEventListener("click", reopen);
  const name = find("#annotator");
  name.value = annotator.name;
  name.addEventListener("change", () => (annotator.name = name.value));
  addEventListener("open-video", async (event) => {
    await readProject().catch((error) => warn(error.message));
    await openVideo(/** @type {CustomEvent<number>} */ (event).detail);
  });
  addEventListener("video-gone", awaitVideo);
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer?.files[0]) addVideo(event.dataTransfer.files[0]);
  });
  addEventListener("beforeunload", (event) => {
    if (state.pending) event.preventDefault();
  });
  furnishIcons();
  furnishButtons();
  onTheme(rethemeTimeline);
  onTheme(rethemeView);
  rethemeView();
  watch("project video", renderVideos);
  watch("frame seconds video", renderFrame);
  watch("trouble video accepted", renderBanner);
  watch("tool size opacity outlines zoom", renderTools);
  watch("playing", renderPlay);
  watch("pending trouble", renderSaved);
  watch("video objects pending", () => {
    find("#first-use").hidden =
      !state.video || state.video.problem !== null || state.objects.length > 0 || state.pending > 0;
  });
  watch("frame hidden opacity object zoom playing", keepPlace);
  find("#canvas").addEventListener("moved", keepPlace);
}

/** What tests read: never written from here. */
function expose() {
  const reading = {
    frame: () => state.frame,
    loaded: () => state.loaded,
    revision: () => state.revision,
    pending: () => state.pending,
    accepted: () => state.accepted,
    object: () => state.object,
    playing: () => state.playing,
  };
  const read = Object.fromEntries(Object.entries(reading).map(([name, get]) => [name, { get, enumerable: true }]));
  const values = Object.defineProperties({ at: (x, y) => labels.at(x, y), place: lookedAt }, read);
  Object.defineProperty(window, "longtake", { value: Object.freeze({ state: Object.freeze(values) }) });
}

async function begin() {
  connect();
  expose();
  await insist(readProject);
  find("#annotator").value = annotator.name;
  update({ job: await get("/job") });
  const [first] = state.project.videos;
  listen(hear, () => {
    say("The server is back.");
    readAgain().catch((error) => error instanceof Gone || warn(error.message));
  });
  if (first) await openVideo(state.project.current ?? first.video);
}

begin().catch((error) => warn(error.message));
