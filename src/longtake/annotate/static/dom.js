// Elements in one call, and numbers in words that people read.

/** The first element that a selector finds; of whatever kind the page has there. @returns {any} */
export const find = (selector, within = document) => within.querySelector(selector);

/** @returns {HTMLElement[]} */
export const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

/**
 * An element. Attributes that begin with "on" are listeners, `style` is an object, false and null are left out.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|null)} children
 */
export function make(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function draw(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Minutes and seconds, with hours where there are some, and hundredths where asked. */
export function clock(seconds, hundredths = false) {
  const pad = (value) => String(Math.floor(value)).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const parts = [...(hours ? [String(hours)] : []), pad((seconds / 60) % 60), pad(seconds % 60)].join(":");
  return hundredths ? `${parts}.${pad((seconds * 100 + 1e-6) % 100)}` : parts;
}

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)} %`;

export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

export const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

/** `run`, but only once it has not been called for so long. */
export function settled(run, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...values), milliseconds);
  };
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));

/** `run`, but while something within an element is pressed only afterwards: its click would be lost. */
export const unpressed = (element, run) => () => {
  if (!element.matches(":active")) run();
  else addEventListener("pointerup", () => setTimeout(run), { once: true });
};

/** `run`, unless it is still running: then nothing. */
export function alone(run) {
  let busy = false;
  return async function alone() {
    if (busy) return;
    busy = true;
    await run().finally(() => (busy = false));
  };
}

/** `run`, at most once in so long, and never two at a time; calls in between are one call afterwards. */
export function paced(run, milliseconds) {
  let busy = false;
  let again = false;
  return async function paced() {
    again = true;
    if (busy) return;
    busy = true;
    while (again) {
      again = false;
      await run();
      await sleep(milliseconds);
    }
    busy = false;
  };
}
