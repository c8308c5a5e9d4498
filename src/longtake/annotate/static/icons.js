// The page's icons: paths on a square of 24, drawn with the text's colour.

import { draw, findAll } from "./dom.js";

const paths = {
  brush: "M14 4l6 6-8 8H6v-6zM11 7l6 6M6 18l-3 3",
  eraser: "M9 20l-5-5L14 5l6 6-9 9zM9 10l6 6M11 20h9",
  polygon: "M5 8l8-4 7 6-3 9-10 1zM5 8m-1.5 0a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0",
  box: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8",
  fill: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 9v6M9 12h6",
  absent: "M3 3l18 18M10 6a10 10 0 0 1 11 6a14 14 0 0 1-3 4M6 8a14 14 0 0 0-3 4a10 10 0 0 0 12 6",
  clear: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v6M14 11v6",
  undo: "M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-4",
  redo: "M16 5l4 4-4 4M20 9H10a5 5 0 0 0 0 10h4",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  play: "M7 4l13 8-13 8z",
  pause: "M8 5v14M16 5v14",
  first: "M6 5v14M19 5l-9 7 9 7z",
  last: "M18 5v14M5 5l9 7-9 7z",
  previous: "M15 5l-8 7 8 7",
  next: "M9 5l8 7-8 7",
  keptPrevious: "M18 5l-6 7 6 7M11 5l-6 7 6 7",
  keptNext: "M6 5l6 7-6 7M13 5l6 7-6 7",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7M12 9a3 3 0 1 0 0 6a3 3 0 1 0 0-6",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  follow: "M3 12h18M8 7l-5 5 5 5M16 7l5 5-5 5",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  export: "M12 15V3M7 8l5-5 5 5M4 15v5h16v-5",
  import: "M12 3v12M7 10l5 5 5-5M4 15v5h16v-5",
  effort: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7v5l4 2",
  quality: "M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6zM8 12l3 3 5-6",
  theme: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  help: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17h.01M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18",
  check: "M4 12l5 6L20 6",
  lock: "M6 11h12v9H6zM9 11V7a3 3 0 0 1 6 0v4",
  stop: "M7 7h10v10H7z",
  outlines: "M6 6h12v12H6z",
};

/** @param {keyof typeof paths} name */
export const icon = (name) =>
  draw("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, draw("path", { d: paths[name] }));

/** Put its icon into every element that asks for one. */
export function furnishIcons(within = document) {
  for (const element of findAll("[data-icon]", within))
    element.prepend(icon(/** @type {any} */ (element.dataset.icon)));
}
