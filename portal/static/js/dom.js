// Building and changing the page. Text is only ever text: nothing here parses HTML.

import { plain } from "./plain.js";

/**
 * An element: h("button", {class: "button", onclick: f, "aria-label": "Close"}, "text", node, null).
 * Functions under on... are listeners, true and false are there or not, null is left out,
 * `dataset` is an object; all else is an attribute.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  add(element, children);
  return element;
}

/** Change attributes, and only those that differ. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on") && typeof value === "function") {
      element.addEventListener(name.slice(2), value);
    } else if (name === "dataset") {
      Object.assign(element.dataset, value);
    } else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden") {
      if (element[name] !== value) element[name] = value ?? false;
    } else if (value === null || value === undefined || value === false) {
      element.removeAttribute(name);
    } else {
      const text = value === true ? "" : plain(value);
      if (element.getAttribute(name) !== text) element.setAttribute(name, text);
    }
  }
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(plain(child)));
  }
}

/** Put these in the place of all children. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

/** Set the text if it is another one: what did not change is not announced again. */
export function setText(element, text) {
  const wanted = plain(text ?? "");
  if (element.textContent !== wanted) element.textContent = wanted;
  return element;
}

/**
 * Make the children of `parent` be one for each item, in order. Those that are there already stay
 * the same elements, so that focus, pictures and open menus survive.
 * @param {Map<string, {element: Element, update: (item: any) => void}>} views kept by the caller
 */
export function keyed(parent, items, key, create, views) {
  const wanted = new Set(items.map(key));
  for (const [id, view] of views) {
    if (wanted.has(id)) continue;
    view.close?.();
    views.delete(id);
    removeKindly(view.element);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    let view = views.get(id);
    if (!view) {
      view = create(item);
      views.set(id, view);
    }
    view.update(item);
    if (view.element === place) {
      place = place.nextElementSibling;
    } else {
      moveBefore(parent, view.element, place);
    }
  }
}

// Whoever had the focus in it goes on with the one after it, or before it, not at the top of the page.
function removeKindly(element) {
  const heir = element.contains(document.activeElement)
    ? (element.nextElementSibling ?? element.previousElementSibling)
    : null;
  element.remove();
  heir?.querySelector("button:not([hidden]), a[href]:not([tabindex])")?.focus({ preventScroll: true });
}

function moveBefore(parent, element, place) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(element, place);
  focused?.focus({ preventScroll: true });
}

/** The element of that id; pages have them in their HTML. */
export function byId(id) {
  return document.getElementById(id);
}

let lastId = 0;

/** An id for a label to point to. */
export function freshId(prefix = "fx") {
  lastId += 1;
  return `${prefix}-${lastId}`;
}
