// What a page looks like, as SVG: boxes, texts and icons as such. A raster picture is left to who asks:
// {x, y, width, height, png} in the list that comes back, everything else is markup.
//
// As much of CSS as the portal's pages use; what hangs over the window's edge is cut.
() => {
  const pieces = [];
  let gradients = 0;
  const measure = document.createElement("canvas").getContext("2d");
  const number = (value) => Math.round(value * 10) / 10;
  const escape = (text) => text.replace(/&/gu, "&amp;").replace(/</gu, "&lt;").replace(/"/gu, "&quot;");
  const cssColour = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  // Any colour CSS can say, as what it comes to.
  function colour(value) {
    cssColour.clearRect(0, 0, 1, 1);
    cssColour.fillStyle = value;
    cssColour.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = cssColour.getImageData(0, 0, 1, 1).data;
    const hex = [red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("");
    return { hex: `#${hex}`, alpha: number((alpha / 255) * 10) / 10 };
  }

  function paint(name, value) {
    const { hex, alpha } = colour(value);
    return alpha === 0 ? null : `${name}="${hex}"${alpha < 1 ? ` ${name}-opacity="${alpha}"` : ""}`;
  }

  function seen(box) {
    return box.width > 0 && box.height > 0 && box.top < innerHeight && box.bottom > 0 && box.left < innerWidth && box.right > 0;
  }

  function rectangle({ left, top, width, height }, radius, ...attributes) {
    const rounded = radius ? ` rx="${number(Math.min(radius, height / 2, width / 2))}"` : "";
    pieces.push(`<rect x="${number(left)}" y="${number(top)}" width="${number(width)}" height="${number(height)}"${rounded} ${attributes.join(" ")}/>`);
  }

  // Of a gradient its two ends, from one corner to the other.
  function gradient(image) {
    const ends = image.match(/[a-z]+\([^()]*\d[^()]*\)|#[0-9a-f]{3,8}/giu);
    if (!image.startsWith("linear-gradient(") || !ends) return null;
    gradients += 1;
    const stops = [ends[0], ends.at(-1)].map((end, at) => `<stop offset="${at}" stop-color="${colour(end).hex}"/>`);
    pieces.push(`<linearGradient id="g${gradients}" x2="1" y2="1">${stops.join("")}</linearGradient>`);
    return `fill="url(#g${gradients})"`;
  }

  // A dot or a line that a style has put beside the content.
  function ornament(element, box, name) {
    const style = getComputedStyle(element, name);
    const [width, height] = [Number.parseFloat(style.width), Number.parseFloat(style.height)];
    const fill = style.content === "none" || style.display === "none" ? null : paint("fill", style.backgroundColor);
    if (!fill || !(width > 0 && height > 0)) return;
    const own = getComputedStyle(element);
    const placed = style.position === "absolute";
    const left = placed ? Number.parseFloat(style.left) : Number.parseFloat(own.paddingLeft) + Number.parseFloat(own.borderLeftWidth);
    const top = placed ? Number.parseFloat(style.top) : (box.height - height) / 2;
    const radius = style.borderTopLeftRadius.endsWith("%") ? width / 2 : Number.parseFloat(style.borderTopLeftRadius);
    rectangle({ left: box.left + left, top: box.top + top, width, height }, radius, fill);
  }

  function boxOf(box, style) {
    const radius = Number.parseFloat(style.borderTopLeftRadius) || 0;
    const fill = gradient(style.backgroundImage) ?? paint("fill", style.backgroundColor);
    if (fill) rectangle(box, style.borderTopLeftRadius.endsWith("%") ? box.width / 2 : radius, fill);
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
      width: style[`border${side}Style`] === "none" ? 0 : Number.parseFloat(style[`border${side}Width`]),
      value: style[`border${side}Color`],
    }));
    const [{ width, value }] = sides;
    const stroke = paint("stroke", value);
    if (width && sides.every((side) => side.width === width)) {
      const inside = { left: box.left + width / 2, top: box.top + width / 2, width: box.width - width, height: box.height - width };
      if (stroke) rectangle(inside, radius, 'fill="none"', stroke, width === 1 ? "" : `stroke-width="${width}"`);
    } else if (sides[2].width) {
      const line = paint("fill", sides[2].value);
      if (line) rectangle({ left: box.left, top: box.bottom - sides[2].width, width: box.width, height: sides[2].width }, 0, line);
    }
  }

  // A text node, line by line, without what is cut off.
  function text(node, style, cut) {
    const range = document.createRange();
    const lines = [];
    let lost = false;
    for (let at = 0; at < node.length; at += 1) {
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      const box = range.getClientRects()[0];
      if (!box || box.width === 0) continue;
      if (box.right > cut.right + 1 || box.bottom > cut.bottom + 1) {
        lost = true;
        continue;
      }
      const blank = /\s/u.test(node.data[at]);
      const line = lines.at(-1);
      if (line && Math.abs(line.box.top - box.top) < 3) {
        line.text += node.data[at];
        if (!blank) line.right = box.right;
      } else if (!blank) {
        lines.push({ box, text: node.data[at], right: box.right });
      }
    }
    measure.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = measure.measureText("x");
    if (lost && lines.length) lines.at(-1).text = `${lines.at(-1).text.trimEnd().slice(0, -2)}…`;
    for (const { box, text: said, right } of lines) {
      if (!seen(box)) continue;
      const shown = style.textTransform === "uppercase" ? said.toUpperCase() : said;
      const base = box.top + (box.height - up - down) / 2 + up;
      const weight = style.fontWeight === "400" ? "" : ` font-weight="${style.fontWeight}"`;
      const family = /mono/u.test(style.fontFamily.split(",")[0]) ? ' font-family="monospace"' : "";
      pieces.push(
        `<text x="${number(box.left)}" y="${number(base)}" font-size="${number(Number.parseFloat(style.fontSize))}"${weight}${family}` +
          ` textLength="${number(right - box.left)}" lengthAdjust="spacingAndGlyphs" ${paint("fill", style.color)}>${escape(shown.trimEnd())}</text>`,
      );
    }
  }

  function symbol(element, box, style) {
    const copy = element.cloneNode(true);
    for (const name of ["class", "aria-hidden", "focusable"]) copy.removeAttribute(name);
    const stroke = style.stroke === "none" ? "" : paint("stroke", style.stroke);
    const line = `stroke-width="${Number.parseFloat(style.strokeWidth)}" stroke-linecap="round" stroke-linejoin="round"`;
    const fill = style.fill === "none" ? 'fill="none"' : paint("fill", style.fill);
    for (const part of copy.querySelectorAll("[fill=currentColor]")) part.setAttribute("fill", colour(style.color).hex);
    pieces.push(
      `<svg x="${number(box.left)}" y="${number(box.top)}" width="${number(box.width)}" height="${number(box.height)}"` +
        ` viewBox="${element.getAttribute("viewBox")}" ${fill} ${stroke} ${line}>${copy.innerHTML.replace(/ xmlns="[^"]*"/gu, "")}</svg>`,
    );
  }

  function raster(element, { left, top, width, height }, style) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.round(width), Math.round(height)];
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.filter = style.filter;
    context.globalAlpha = Number.parseFloat(style.opacity);
    context.drawImage(element, 0, 0, canvas.width, canvas.height);
    pieces.push({ x: number(left), y: number(top), width: canvas.width, height: canvas.height, png: canvas.toDataURL("image/png").split(",")[1] });
  }

  function walk(element, cut) {
    const style = getComputedStyle(element);
    if (style.display === "none" || style.opacity === "0") return;
    const box = element.getBoundingClientRect();
    const visible = style.visibility === "visible" && seen(box) && box.width > 2;
    if (visible) boxOf(box, style);
    if (visible) for (const name of ["::before", "::after"]) ornament(element, box, name);
    if (visible && element instanceof SVGElement) return symbol(element, box, style);
    if (visible && (element instanceof HTMLImageElement || element instanceof HTMLCanvasElement)) return raster(element, box, style);
    const inner = style.overflowX === "visible" ? cut : { right: Math.min(cut.right, box.right), bottom: Math.min(cut.bottom, box.bottom) };
    // What is only heard is a box of a pixel that cuts all of it off.
    if (box.width <= 2 && style.overflowX !== "visible") return;
    const faded = Number.parseFloat(style.opacity) < 1;
    if (faded) pieces.push(`<g opacity="${style.opacity}">`);
    for (const child of element.childNodes) {
      if (child instanceof Text && style.visibility === "visible") text(child, style, inner);
      else if (child instanceof Element) walk(child, inner);
    }
    if (faded) pieces.push("</g>");
  }

  walk(document.body, { right: innerWidth, bottom: innerHeight });
  return { width: innerWidth, height: innerHeight, ground: colour(getComputedStyle(document.body).backgroundColor).hex, pieces };
};
