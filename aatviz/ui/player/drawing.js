// Small tools of the player: unpacking, painting pixels, making elements, numbers as text.

function bytes(text) {
  const letters = atob(text), found = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) found[i] = letters.charCodeAt(i);
  return found.buffer;
}
function unpack16(text) {
  const words = new Uint16Array(bytes(text)), found = new Float32Array(words.length);
  for (let i = 0; i < words.length; i++) found[i] = words[i] / 65535;
  return found;
}
function unpack32(text) {
  return new Float32Array(bytes(text));
}
function paint(canvas, colourOf) {
  const picture = new ImageData(canvas.width, canvas.height);
  for (let i = 0; i < canvas.width * canvas.height; i++) picture.data.set(colourOf(i), 4 * i);
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
class Pictures {
  // Images of one shape, {channels, height, width}, out of arrays of values in [0,1], channel by channel: image `at` on a canvas.
  constructor({ channels, height, width }, colours) {
    Object.assign(this, { channels, height, width, colours, area: height * width, size: channels * height * width });
  }

  canvas(attributes) {
    return node("canvas", { width: this.width, height: this.height, ...attributes });
  }

  show(canvas, values, at) {
    const level = (i, channel) => Math.round(values[at * this.size + channel * this.area + i] * 255);
    paint(canvas, (i) => this.each((channel) => level(i, channel), 255));
  }

  showSigned(canvas, values, at, natural, naturalAt, bound) {
    // One channel: blue below zero, orange above, and the page itself at zero, the same in the light and in the dark theme.
    // Colour: every channel by itself, grey at zero.
    const share = (i, channel = 0) => {
      const place = channel * this.area + i;
      return Math.max(-1, Math.min(1, (values[at * this.size + place] - natural[naturalAt * this.size + place]) / bound));
    };
    const { negative, positive } = this.colours;
    paint(canvas, (i) => {
      if (this.channels === 3) return this.each((channel) => Math.round(127.5 + 127.5 * share(i, channel)), 255);
      return [...(share(i) < 0 ? negative : positive), Math.round(Math.abs(share(i)) * 255)];
    });
  }

  each(levelOf, alpha) {
    const last = this.channels - 1;
    return [levelOf(0), levelOf(Math.min(1, last)), levelOf(last), alpha];
  }

  scale() {
    // The colours of a signed picture from -bound to +bound, as a background.
    const { negative, positive } = this.colours;
    const colours = this.channels === 3 ? ["#000", "#808080", "#fff"] : [rgba(negative, 1), "transparent", rgba(positive, 1)];
    return `background:linear-gradient(90deg,${colours})`;
  }
}
function boundText(bound) {
  return bound.toFixed(bound < 0.1 ? 3 : 2);
}
function shortened(name, most) {
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
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
function signed(value, decimals) {
  return value.toFixed(decimals).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−");
}
function sub(name) {
  // The name of a class as an index: "z₃", "z_cat".
  const text = String(name);
  return /^\d+$/.test(text) ? text.replace(/\d/g, (one) => "₀₁₂₃₄₅₆₇₈₉"[one]) : `_${text}`;
}
