// What comes in and goes out: videos, proposals of masks, and exports.

import { get, Gone, here, post, upload } from "./api.js";
import { choice, field, open } from "./dialog.js";
import { find, make, percent } from "./dom.js";
import { forgetMasks } from "./frames.js";
import { say, stay, warn } from "./notice.js";
import { refresh } from "./refresh.js";
import { reload } from "./shown.js";
import { learn, state, watch } from "./state.js";

/** A file of the person's choice, or null. @returns {Promise<File|null>} */
function chooseFile(accept) {
  return new Promise((resolve) => {
    const input = make("input", { type: "file", accept, hidden: true });
    const done = () => {
      input.remove();
      resolve(input.files[0] ?? null);
    };
    input.addEventListener("change", done);
    input.addEventListener("cancel", done);
    document.body.append(input); // one that is nowhere may be collected before a file is chosen
    input.click();
  });
}

async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Gone)) warn(error.message);
    return null;
  }
}

/** Send a file; a notice says how much of it is there. */
async function sent(path, file) {
  const notice = stay(`${file.name} is being added…`);
  const told = (share) => (share < 1 ? percent(share) : "its frames are being counted");
  try {
    return await upload(path, file, (share) => notice.say(`${file.name} is being added: ${told(share)}…`));
  } finally {
    notice.close();
  }
}

/** Add a video to the project, and open it. */
export async function addVideo(file = null) {
  const chosen = file instanceof File ? file : await chooseFile("video/*,.mkv,.avi,.mov");
  if (!chosen) return;
  const video = await guarded(() => sent(`/videos?name=${encodeURIComponent(chosen.name)}`, chosen));
  if (video) dispatchEvent(new CustomEvent("open-video", { detail: video.video }));
}

/** Masks from elsewhere, to begin with: COCO, YouTube-VIS, CVAT, or mask images in a zip. */
export async function importProposals() {
  if (!state.video) return;
  const chosen = await chooseFile(".json,.xml,.zip");
  if (!chosen) return;
  const path = here(`/proposals?name=${encodeURIComponent(chosen.name)}`);
  const change = await guarded(() => post(path, chosen));
  if (!change) return;
  forgetMasks();
  say(`${chosen.name}: masks on ${change.count} frames.`);
  refresh("objects", "pipeline", "queue", "grid");
  reload();
}

/** Choose a format, and fetch what has been exported. */
export function openExport() {
  if (!state.project) return;
  const formats = state.project.formats.map(({ name, label }) => /** @type {[string, string]} */ ([name, label]));
  const go = make("button", { class: "primary", "data-testid": "export-start" }, "Export");
  const form = make(
    "form",
    { method: "dialog", class: "export-form" },
    field("Format", choice("format", formats)),
    field(
      "Videos",
      choice("videos", [
        ["all", "all videos of the project"],
        ...(state.video ? [/** @type {[string, string]} */ (["one", `only ${state.video.name}`])] : []),
      ]),
    ),
    make(
      "label",
      { class: "check" },
      make("input", { type: "checkbox", name: "only_accepted" }),
      " Only frames that were accepted",
    ),
    make("footer", {}, go),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const answer = new FormData(form);
    const body = {
      format: answer.get("format"),
      videos: answer.get("videos") === "one" ? [state.video?.video] : null,
      only_accepted: answer.get("only_accepted") !== null,
    };
    guarded(async () => learn(await post("/export", body)));
  });
  open(
    "export",
    "Export",
    form,
    make("div", { id: "export-progress" }),
    make("ul", { id: "exports", class: "files", "data-testid": "exports" }),
  );
  showProgress();
  listExports();
}

async function listExports() {
  const files = (await guarded(() => get("/exports"))) ?? [];
  find("#exports")?.replaceChildren(
    ...files.map(({ name, bytes, made }) =>
      make(
        "li",
        {},
        make(
          "a",
          { href: `api/exports/${encodeURIComponent(name)}`, download: name, "data-testid": `download-${name}` },
          name,
        ),
        make("small", {}, `${size(bytes)} · ${when(made)}`),
      ),
    ),
  );
}

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const when = (made) => new Date(typeof made === "number" ? made * 1000 : made).toLocaleString("en");

let wasRunning = false;

function showProgress() {
  const room = find("#export-progress");
  if (!room) return;
  const { job } = state;
  const running = job?.state === "running";
  const share = running && job.total ? job.done / job.total : 0;
  room.replaceChildren(
    ...(running
      ? [make("progress", { value: share, max: 1 }), make("small", {}, `${job.name} · ${percent(share)}`)]
      : []),
  );
  /** @type {HTMLButtonElement} */ (find("[data-testid=export-start]")).disabled = running;
  if (wasRunning && !running) listExports();
  wasRunning = running;
}

watch("job", showProgress);
