// Our own icons: strokes on a grid of 24 x 24, in the colour of the text beside them.

const SVG = "http://www.w3.org/2000/svg";

// A path is a string; a circle is [cx, cy, r]; a filled dot is [cx, cy, r, "fill"].
const SHAPES = {
  alert: ["M12 3.5 2.5 20h19z", "M12 10v4.5", [12, 17.3, 0.6, "fill"]],
  back: ["M19 12H5", "M11 6l-6 6 6 6"],
  bolt: ["M13 2.5 4.5 13.5H11l-1 8 8.5-11H12z"],
  check: ["M4.5 12.5 9.5 17.5 19.5 6.5"],
  chevron: ["M6 9.5 12 15.5 18 9.5"],
  clock: [[12, 12, 8.5], "M12 7v5l3.2 2"],
  clipboard: ["M8 4.5H5.5v16h13v-16H16", "M8.5 3h7v4h-7z", "M9 12h6M9 16h4"],
  close: ["M6 6 18 18", "M18 6 6 18"],
  copy: ["M9 9h11v11H9z", "M15 9V4H4v11h5"],
  cpu: ["M7 7h10v10H7z", "M10 3.5V7M14 3.5V7M10 17v3.5M14 17v3.5M3.5 10H7M3.5 14H7M17 10h3.5M17 14h3.5"],
  desktop: ["M3 4.5h18v12H3z", "M8.5 20.5h7", "M12 16.5v4"],
  download: ["M12 4v11", "M7 10.5l5 5 5-5", "M4.5 20h15"],
  end: ["M12 3.5v8", "M7 6.3a8 8 0 1 0 10 0"],
  eye: ["M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z", [12, 12, 2.8]],
  filter: ["M4 6h16", "M7 12h10", "M10 18h4"],
  fullscreen: ["M4 9V4h5", "M15 4h5v5", "M20 15v5h-5", "M9 20H4v-5"],
  globe: [[12, 12, 8.5], "M3.5 12h17", "M12 3.5c5 5.2 5 11.8 0 17-5-5.2-5-11.8 0-17z"],
  info: [[12, 12, 8.5], "M12 11v5.5", [12, 8, 0.6, "fill"]],
  keyboard: ["M2.5 6h19v12h-19z", "M6.5 10h.01M10 10h.01M14 10h.01M17.5 10h.01M8 14h8"],
  link: [
    "M10 14a4 4 0 0 0 5.7 0l3.4-3.4a4 4 0 0 0-5.7-5.7L12 6.3",
    "M14 10a4 4 0 0 0-5.7 0l-3.4 3.4a4 4 0 0 0 5.7 5.7l1.4-1.4",
  ],
  log: ["M5 3.5h14v17H5z", "M8.5 8h7M8.5 12h7M8.5 16h4"],
  memory: ["M3 7.5h18v8H3z", "M7 7.5v4M11 7.5v4M15 7.5v4M6 15.5v2.5M10 15.5v2.5M14 15.5v2.5M18 15.5v2.5"],
  moon: ["M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"],
  more: [
    [5.5, 12, 1.3, "fill"],
    [12, 12, 1.3, "fill"],
    [18.5, 12, 1.3, "fill"],
  ],
  move: [
    "M12 3v18M3 12h18",
    "M9.5 5.5 12 3l2.5 2.5M9.5 18.5 12 21l2.5-2.5M5.5 9.5 3 12l2.5 2.5M18.5 9.5 21 12l-2.5 2.5",
  ],
  pause: ["M8.5 5.5v13", "M15.5 5.5v13"],
  pencil: ["M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19z", "M13.5 7l3.5 3.5"],
  people: [
    [9, 8.5, 3.2],
    "M2.8 19.5c.5-3.6 3-5.5 6.2-5.5s5.7 1.9 6.2 5.5",
    "M16 5.6a3.2 3.2 0 0 1 0 5.9",
    "M18 14.3c1.8.8 2.9 2.6 3.2 5.2",
  ],
  person: [[12, 8, 3.8], "M4.5 20.5c.7-4.3 3.6-6.5 7.5-6.5s6.8 2.2 7.5 6.5"],
  pin: ["M9 3.5h6l-.8 6 3.3 3.5h-11L9.8 9.5z", "M12 13v7.5"],
  play: ["M7 4.5v15l12-7.5z"],
  plus: ["M12 5v14", "M5 12h14"],
  refresh: ["M19.5 12a7.5 7.5 0 1 1-2.2-5.3", "M19.5 3v4.5H15"],
  screen: ["M3 5h18v14H3z", "M3 9h18"],
  search: [[10.5, 10.5, 6.5], "M15.5 15.5 20.5 20.5"],
  server: ["M4 4h16v6.5H4z", "M4 13.5h16V20H4z", [7.5, 7.3, 0.7, "fill"], [7.5, 16.8, 0.7, "fill"]],
  share: [[6, 12, 2.6], [17.5, 5.5, 2.6], [17.5, 18.5, 2.6], "M8.3 10.7l6.9-3.9M8.3 13.3l6.9 3.9"],
  "sign-out": ["M14 4H5v16h9", "M10 12h10.5", "M17 8.5l3.5 3.5-3.5 3.5"],
  sliders: ["M4 7h9M17 7h3M4 17h3M11 17h9", [15, 7, 2], [9, 17, 2]],
  star: ["M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.9-5.2 2.9 1-5.9L3.5 9.7l5.9-.8z"],
  sun: [
    [12, 12, 4],
    "M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  ],
  terminal: ["M3 4.5h18v15H3z", "M7 9l3.5 3L7 15", "M12.5 15.5H17"],
  trash: ["M4.5 6.5h15", "M9 6.5V4h6v2.5", "M6.5 6.5l1 13.5h9l1-13.5", "M10 10.5v6M14 10.5v6"],
  typing: [
    "M2.5 4h19v10h-19z",
    "M6 7.5h.01M9.5 7.5h.01M13 7.5h.01M16.5 7.5h.01M8 11h8",
    "M9.5 18l2.5 2.5 2.5-2.5",
  ],
  cube: ["M12 3l8 4.5v9L12 21l-8-4.5v-9z", "M4 7.5l8 4.5 8-4.5", "M12 12v9"],
  chart: ["M4 20h16", "M7 16.5v-5M12 16.5V6M17 16.5v-8"],
  code: ["M8.5 7 3.5 12l5 5", "M15.5 7l5 5-5 5"],
  image: ["M3.5 5h17v14h-17z", "M4 17l5-5 4 4 3-3 4.5 4", [15.5, 9, 1.4]],
};

/** Whether there is an icon of that name. */
export function hasIcon(name) {
  return Object.hasOwn(SHAPES, name);
}

/** An icon; it says nothing to screen readers: whatever it is in has the name. */
export function icon(name, { size = 18 } = {}) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = {
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 1.75,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
    "aria-hidden": "true",
    focusable: "false",
  };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  svg.classList.add("icon", `icon-${name}`);
  for (const shape of SHAPES[name] ?? SHAPES.cube) svg.append(drawn(shape));
  return svg;
}

function drawn(shape) {
  if (typeof shape === "string") {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", shape);
    return path;
  }
  const [cx, cy, r, fill] = shape;
  const circle = document.createElementNS(SVG, "circle");
  for (const [key, value] of Object.entries({ cx, cy, r })) circle.setAttribute(key, value);
  if (fill) {
    circle.setAttribute("fill", "currentColor");
    circle.setAttribute("stroke", "none");
  }
  return circle;
}
