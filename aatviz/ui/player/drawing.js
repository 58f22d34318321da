// Small tools of the player: unpacking, painting pixels, making elements, numbers as text.

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}
function unpack16(text) {
  return Float32Array.from(new Uint16Array(bytes(text)), (value) => value / 65535);
}
function unpack32(text) {
  return new Float32Array(bytes(text));
}
function paint(canvas, colourOf) {
  const picture = new ImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) picture.data.set(colourOf(i), 4 * i);
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
function grey(canvas, values, from) {
  paint(canvas, (i) => {
    const level = Math.round(values[from + i] * 255);
    return [level, level, level, 255];
  });
}
function signedPicture(canvas, values, from, natural, scale, colours) {
  // Blue below zero, orange above, and the page itself at zero: the same in the light and in the dark theme.
  paint(canvas, (i) => {
    const share = Math.max(-1, Math.min(1, (values[from + i] - natural[i]) / scale));
    return [...(share < 0 ? colours.negative : colours.positive), Math.round(Math.abs(share) * 255)];
  });
}
function rgba([r, g, b], a) {
  return `rgba(${r},${g},${b},${a})`;
}
function node(name, attributes = {}, children = []) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
function svg(name, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
function label(x, y, text, anchor, kind = "") {
  return svg("text", { x, y, "text-anchor": anchor, class: kind }, [text]);
}
function symbol(kind, x, y, colour) {
  const style = `fill:${colour};stroke:var(--st-background-color);stroke-width:1.5`;
  if (kind === "circle") return svg("circle", { cx: x, cy: y, r: 4.6, style });
  return svg("path", { d: `M${x} ${y - 6}l6 6l-6 6l-6 -6z`, style });
}
function ticks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + 1e-9; i++) found.push(Math.round(i * step * 1e6) / 1e6);
  return found;
}
function signed(value, digits) {
  return value.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−");
}
function sub(k) {
  return String(k).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
}
