// Dialogs: the browser's own, with a title, a way out, and a button that does it.

import { make } from "./dom.js";

/**
 * Open a dialog over the page; it is gone once it is closed.
 * @param {string} name for tests @param {string} title @param {...(Node|string|null)} body
 */
export function open(name, title, ...body) {
  const close = make("button", { class: "quiet", "aria-label": "Close", "data-testid": "dialog-close" }, "×");
  const head = make("header", {}, make("h2", { id: `${name}-title` }, title), close);
  const content = make("div", { class: "content" }, ...body);
  const dialog = /** @type {HTMLDialogElement} */ (
    make("dialog", { class: name, "data-testid": `dialog-${name}`, "aria-labelledby": `${name}-title` }, head, content)
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export const isOpen = () => document.querySelector("dialog[open]") !== null;

/**
 * Ask for a few values; resolves to them by name, or to null where the person leaves.
 * @param {string} name @param {string} title @param {string} action the button's words @param {...(Node|string|null)} fields
 * @returns {Promise<Record<string, string>|null>}
 */
export function ask(name, title, action, ...fields) {
  return new Promise((resolve) => {
    const go = make("button", { class: "primary", "data-testid": "dialog-action" }, action);
    const form = make("form", { method: "dialog" }, ...fields, make("footer", {}, go));
    const dialog = open(name, title, form);
    let answer = null;
    form.addEventListener("submit", () => {
      answer = Object.fromEntries(
        [...new FormData(/** @type {HTMLFormElement} */ (form))].map(([key, value]) => [key, String(value)]),
      );
    });
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/** A labelled field of a form. */
export const field = (label, input, note = null) =>
  make("label", { class: "field" }, make("span", {}, label), input, note && make("small", {}, note));

/** @param {string} name @param {[string, string][]} options value and words @param {string} [chosen] */
export function choice(name, options, chosen) {
  const select = make("select", { name });
  for (const [value, words] of options) select.append(make("option", { value, selected: value === chosen }, words));
  return select;
}
