// What can be launched, and what it looks like.

import { h } from "./dom.js";
import { hasIcon, icon } from "./icons.js";

// Names of the freedesktop icon naming specification and common words -> ours.
const KNOWN = [
  [/terminal|xterm|console/u, "terminal"],
  [/desktop|xfce|gnome|plasma|\bmate\b|workspace/u, "desktop"],
  [/browser|chrom|firefox|\bweb|internet/u, "globe"],
  [/opengl|3d|gpu|render|\bcad|model|applications-graphics/u, "cube"],
  [/editor|\bcode|develop|\bide\b/u, "code"],
  [/image|photo|gimp|paint|draw/u, "image"],
  [/chart|plot|stat|matlab|math|science|rstudio/u, "chart"],
  [/executable|application|program/u, "screen"],
];
// The same thing has the same colour everywhere; what has no symbol gets one by its name.
const HUE_OF = {
  terminal: 166,
  desktop: 264,
  globe: 226,
  cube: 34,
  code: 300,
  image: 340,
  chart: 66,
  screen: 284,
};
const HUES = [264, 295, 232, 195, 162, 330, 28, 60];

/** A template's title, also of one that is gone. */
export function titleOf(templates, name) {
  return templates.find((template) => template.name === name)?.title || name;
}

/** The template of a session, or what is known without it. */
export function lookOf(session, templates) {
  return templates.find(({ name }) => name === session.template) ?? { name: session.template };
}

/** The coloured square with a template's symbol. */
export function appIcon(template, size = "") {
  const { name, icon: wanted } = template;
  const square = h("span", { class: `app-icon ${size}`, "aria-hidden": "true" });
  if (wanted && /^\/[^/]|^data:image\//u.test(wanted)) {
    square.classList.add("picture");
    square.append(h("img", { src: wanted, alt: "" }));
    return square;
  }
  const symbol = symbolOf(wanted) ?? symbolOf(name) ?? symbolOf(template.title);
  square.style.setProperty("--hue", HUE_OF[symbol] ?? HUES[hash(name) % HUES.length]);
  square.append(
    symbol
      ? icon(symbol, { size: size === "large" ? 26 : 18 })
      : (template.title || name).slice(0, 1).toUpperCase(),
  );
  return square;
}

function symbolOf(text) {
  if (!text) return null;
  const word = text.toLowerCase();
  if (hasIcon(word)) return word;
  return KNOWN.find(([pattern]) => pattern.test(word))?.[1] ?? null;
}

function hash(text) {
  let sum = 7;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) % 1000003;
  return sum;
}

/** Favourites first, then by title; `words` have to be in title, name or description. */
export function arranged(templates, favourites, words = "") {
  const wanted = words.toLowerCase().split(/\s+/u).filter(Boolean);
  const matches = (template) => {
    const text = `${template.title} ${template.name} ${template.description ?? ""}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
  const rank = (template) => (favourites.includes(template.name) ? 0 : 1);
  return templates
    .filter(matches)
    .sort(
      (one, other) =>
        rank(one) - rank(other) || (one.title || one.name).localeCompare(other.title || other.name),
    );
}
