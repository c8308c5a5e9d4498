// The list of objects: which one is drawn, what it is called, how it looks, and what may be done to all of its masks.

import { choice, ask, field } from "./dialog.js";
import { find, make, percent, plural, unpressed } from "./dom.js";
import { describe, relabel, removeObject } from "./edits.js";
import { icon } from "./icons.js";
import { freshObject, nameOf, state, thing, update, watch } from "./state.js";

const list = find("#objects");

/** Begin another object: it is there with its first stroke. */
export const begin = () => update({ object: freshObject() });

/** The object next in the list, or the one before. */
export function chooseBeside(way) {
  const ids = listed();
  if (!ids.length) return;
  const place = ids.indexOf(/** @type {number} */ (state.object));
  update({ object: ids[(place + way + ids.length) % ids.length] });
}

export function toggleVisible(object = state.object) {
  if (object === null) return;
  const hidden = new Set(state.hidden);
  if (!hidden.delete(object)) hidden.add(object);
  update({ hidden });
}

export const rename = () => find(".object.chosen input[name=name]", list)?.select();

const listed = () => {
  const ids = state.objects.map((each) => each.object);
  return state.object === null || ids.includes(state.object) ? ids : [...ids, state.object];
};

/** Remove an object from every frame, once the person has said so. */
export async function removeChosen(object = state.object) {
  if (object === null || !state.objects.some((each) => each.object === object)) return;
  const { masks } = thing(object);
  const question = make(
    "p",
    {},
    `${nameOf(object)} has masks on ${plural(masks, "frame")}. They go with it; undo brings them back.`,
  );
  if (await ask("remove", `Remove ${nameOf(object)}?`, "Remove", question)) await removeObject(object);
}

/** Another id for an object's masks in a range of frames: split, merge, or delete. */
export async function relabelChosen(object = state.object) {
  if (object === null || !state.video) return;
  const others = state.objects.filter((each) => each.object !== object);
  const fresh = freshObject();
  const answer = await ask(
    "relabel",
    `Change ${nameOf(object)} over a range of frames`,
    "Change",
    field(
      "Its masks become",
      choice("into", [
        [String(fresh), "a new object (split)"],
        ...others.map(
          (each) => /** @type {[string, string]} */ ([String(each.object), `part of ${nameOf(each.object)} (merge)`]),
        ),
        ["0", "nothing (delete them)"],
      ]),
    ),
    field(
      "from frame",
      make("input", { name: "first", type: "number", min: 0, max: state.video.frames - 1, value: state.frame }),
    ),
    field(
      "to frame",
      make("input", { name: "last", type: "number", min: 0, max: state.video.frames - 1, placeholder: "the end" }),
    ),
  );
  if (!answer) return;
  const into = Number(answer.into);
  const change = await relabel(
    object,
    into,
    Number(answer.first || 0),
    answer.last === "" ? null : Number(answer.last),
  );
  if (change && into) update({ object: into });
}

/** Build the list anew, unless somebody types in it: then once that is over. */
const render = unpressed(list, () => {
  const active = document.activeElement;
  if (list.contains(active) && active?.matches("input, textarea")) return;
  list.replaceChildren(...listed().map(row));
  mark();
});

/** Show which object is chosen; the list is built anew only where others are in it. */
function mark() {
  const rows = [...list.children];
  if (rows.map((each) => each.dataset.object).join() !== listed().join()) return void render();
  for (const each of rows) {
    const chosen = Number(each.dataset.object) === state.object;
    each.classList.toggle("chosen", chosen);
    each.setAttribute("aria-current", String(chosen));
  }
}

function row(object) {
  const known = thing(object);
  const visible = !state.hidden.has(object);
  const eye = make("button", {
    class: "quiet",
    "aria-pressed": String(visible),
    "aria-label": `Show ${nameOf(object)}`,
    title: "Show or hide",
    "data-testid": `object-${object}-eye`,
    onclick: () => toggleVisible(object),
  });
  eye.append(icon(visible ? "eye" : "absent"));
  const line = make(
    "div",
    { class: "line" },
    input(object, "colour", { type: "color", value: known.colour }),
    input(object, "name", {
      type: "text",
      onfocus: ({ target }) => {
        target.select();
        target.addEventListener("mouseup", (event) => event.preventDefault(), { once: true }); // which unselects
      },
      value: known.name,
      placeholder: known.masks ? `object ${object}` : `object ${object}: draw it`,
    }),
    make("small", { class: "here", title: "On this frame" }, standing(object)),
    eye,
  );
  return make(
    "li",
    {
      class: "object",
      "data-object": object,
      "data-testid": `object-${object}`,
      onpointerdown: () => update({ object }),
      onfocusin: () => update({ object }),
    },
    line,
    details(object, known),
  );
}

function details(object, known) {
  return make(
    "div",
    { class: "details" },
    input(object, "category", {
      type: "text",
      value: known.category,
      placeholder: "Category, e.g. person",
      list: "categories",
    }),
    input(
      object,
      "description",
      { value: known.description, placeholder: "Describe it in a sentence", rows: 2 },
      "textarea",
    ),
    make(
      "div",
      { class: "buttons" },
      make("small", {}, plural(known.masks, "frame")),
      make("button", { "data-testid": "relabel", onclick: () => relabelChosen(object) }, "Split, merge…"),
      make("button", { "data-testid": "remove-object", onclick: () => removeChosen(object) }, "Remove"),
    ),
  );
}

const labelsOf = { name: "Name", colour: "Colour", category: "Category", description: "Description" };

function input(object, name, attributes, tag = "input") {
  const element = make(tag, {
    name,
    ...attributes,
    "aria-label": `${labelsOf[name]} of object ${object}`,
    "data-testid": `object-${object}-${name}`,
    onchange: (event) => describe(object, { [name]: event.target.value.trim() }),
    onkeydown: (event) => event.key === "Enter" && tag === "input" && event.target.blur(),
  });
  if (tag === "textarea") element.value = attributes.value;
  return element;
}

/** How an object stands on the shown frame, in a word. */
function standing(object) {
  const here = state.origins[object];
  if (!here) return "";
  if (here.confidence === null) return "not seen";
  return here.origin === "propagated" ? percent(here.confidence) : here.origin;
}

list.addEventListener("focusout", (event) => {
  if (!list.contains(event.relatedTarget)) queueMicrotask(render);
});
watch("object", mark);
watch("objects hidden origins", () => {
  render();
  const categories = new Set(state.objects.map((each) => each.category).filter(Boolean));
  find("#categories").replaceChildren(...[...categories].map((value) => make("option", { value })));
});
