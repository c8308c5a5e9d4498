// Short notices at the foot of the page, spoken to screen readers too, and one that asks for an answer.

import { find, make } from "./dom.js";

const MOST = 3;
const LASTS = 4000;
const WARNING_LASTS = 9000;

/** Say something that goes away by itself. @param {string} text @param {{label: string, run: () => void}} [action] */
export function say(text, action) {
  show(text, "notice", LASTS, action);
}

/** Say what went wrong. */
export function warn(text) {
  show(text, "notice warning", WARNING_LASTS);
}

/** Say something until it is over. */
export function stay(text) {
  const notice = show(text, "notice", Infinity);
  return {
    say: (words) => notice.firstChild && (notice.firstChild.textContent = words),
    close: () => notice.remove(),
  };
}

function show(text, look, lasts, action) {
  const room = find("#notices");
  for (const earlier of room.children) if (earlier.firstChild?.textContent === text) earlier.remove();
  const notice = make("div", { class: look, "data-testid": "notice" }, make("span", {}, text));
  const away = () => notice.remove();
  if (action) notice.append(make("button", { class: "quiet", onclick: () => (away(), action.run()) }, action.label));
  notice.append(make("button", { class: "quiet", "aria-label": "Close this notice", onclick: away }, "×"));
  room.append(notice);
  while (room.children.length > MOST) room.firstChild?.remove();
  room.hidePopover();
  room.showPopover(); // the last to be shown is above all, dialogs too
  if (lasts < Infinity) setTimeout(away, lasts);
  return notice;
}
