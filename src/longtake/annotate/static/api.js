// Talking to the server: every request, what it says in words when it refuses, and what to do when it is gone.

import { sleep } from "./dom.js";
import { state, update } from "./state.js";

/** Tells this tab's changes from those of others. */
export const tab = crypto.getRandomValues(new Uint32Array(2)).join("-");

/** The server's no; the message is for people. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The server does not answer. */
export class Gone extends Error {}

export const annotator = {
  get name() {
    return localStorage.getItem("annotator") ?? state.project?.annotator ?? "";
  },
  set name(value) {
    localStorage.setItem("annotator", value.trim());
  },
};

/** A request that outlives the page may carry this much. */
const KEEPALIVE_BYTES = 30000;

/** @param {string} method @param {string} path below /api @param {any} [body] JSON, or a Blob that is sent as it is */
export async function call(method, path, body) {
  const raw = body instanceof Blob;
  const sent = body === undefined || raw ? body : JSON.stringify(body);
  const headers = { "X-Tab": tab };
  if (annotator.name) headers["X-Annotator"] = encodeURIComponent(annotator.name);
  if (sent !== undefined) headers["Content-Type"] = raw ? "application/octet-stream" : "application/json";
  const keepalive = typeof sent === "string" && sent.length < KEEPALIVE_BYTES;
  let reply;
  try {
    reply = await fetch(`api${path}`, { method, headers, body: sent, keepalive });
  } catch {
    lost();
    throw new Gone("The server does not answer.");
  }
  if (!reply.ok) throw new Refused(await reason(reply), reply.status);
  return reply.headers.get("Content-Type")?.startsWith("application/json") ? reply.json() : reply.blob();
}

/** Post a file, and be told how far it is; resolves as `post` does. @param {(share: number) => void} progress */
export function upload(path, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `api${path}`);
    request.responseType = "json";
    request.setRequestHeader("X-Tab", tab);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", ({ loaded, total }) => total && progress(loaded / total));
    request.addEventListener("load", () => {
      const { status, response } = request;
      if (status < 300) resolve(response);
      else reject(new Refused(words(response, status), status));
    });
    request.addEventListener("error", () => {
      lost();
      reject(new Refused("The server is gone, and the file is not there yet: add it again when it is back.", 0));
    });
    request.send(file);
  });
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);
export const put = (path, body) => call("PUT", path, body);
export const remove = (path) => call("DELETE", path);

/** A path below the open video. */
export const here = (path) => `/videos/${state.video?.video}${path}`;

const reason = async (reply) => words(await reply.json().catch(() => null), reply.status);

function words(said, status) {
  const detail = said?.detail ?? `The server answered ${status}.`;
  return Array.isArray(detail) ? detail.map((each) => each.msg).join("; ") : detail;
}

/** @type {Promise<void>|null} */
let waiting = null;

/** Notes that the server is gone; resolves once it is back. */
function lost() {
  waiting ??= (async () => {
    for (;;) {
      await sleep(state.trouble ? 1000 : 150);
      const reply = await fetch("api/project").catch(() => null);
      if (reply?.ok) break;
      const anew = reply?.status === 403;
      update({
        trouble: anew
          ? "The server was started anew. Open the address that it printed, in another tab: then this one goes on, too."
          : "The server is gone. Nothing is lost: start it again, and this page goes on by itself.",
      });
    }
    waiting = null;
    update({ trouble: null });
  })();
  return waiting;
}

/** Do what may safely be done twice, again and again until the server is there. */
export async function insist(request) {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
      await lost();
    }
  }
}

/** The server's news, for as long as the page is open. @param {(news: any) => void} hear @param {() => void} reopened */
export function listen(hear, reopened) {
  let first = true;
  const open = () => {
    const events = new EventSource("api/events");
    events.onopen = () => {
      if (!first) reopened();
      first = false;
    };
    events.onmessage = (message) => hear(JSON.parse(message.data));
    events.onerror = async () => {
      events.close();
      await lost();
      open();
    };
  };
  open();
}
