// One map: a logit of one model over the square, T's line, the points, negatives on their way, dropped noise, and the cross.

const SIZE = 300; // dots of the canvas along a side
const ABOVE = [230, 159, 0], BELOW = [86, 140, 190];

class PlaneMap {
  constructor(view, model, k) {
    Object.assign(this, { view, model, k });
    this.canvas = node("canvas", { width: SIZE, height: SIZE, tabindex: 0, role: "application", "aria-describedby": "playground-help" });
    this.canvas.dataset.testid = `map-${model}-${k}`;
    this.caption = node("figcaption");
    this.root = node("figure", { class: "map" }, [this.caption, this.canvas]);
    this.pen = this.canvas.getContext("2d");
    this.still = node("canvas", { width: SIZE, height: SIZE });
    this.heat = node("canvas");
    this.dots = node("canvas", { width: SIZE, height: SIZE });
    this.dotted = null; // the points that `dots` shows
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("pointermove", (event) => event.buttons && !this.view.drawing() && this.move(event));
    this.canvas.addEventListener("lostpointercapture", () => this.view.dropCross());
    this.canvas.addEventListener("keydown", (event) => this.view.onKey(event));
    for (const change of ["focus", "blur"]) this.canvas.addEventListener(change, () => this.animate());
  }

  press(event) {
    if (event.button) return;
    this.canvas.focus();
    if (this.view.drawing()) return this.view.place(...this.at(event));
    this.canvas.setPointerCapture(event.pointerId);
    this.view.grab(...this.at(event));
    this.move(event);
  }

  move(event) {
    this.view.moveTo(...this.at(event));
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height].map((one) => Math.min(Math.max(one, 0), 1));
  }

  load(landscape, limits, paths, dropped) {
    Object.assign(this, { landscape, limits, paths, dropped });
    this.draw();
  }

  threshold() {
    return this.limits[this.view.shareIndex()];
  }

  draw() {
    // All that stands still between two pictures.
    const { landscape, view } = this, { data } = view, level = this.threshold(), { side, values } = landscape;
    const name = data.classes[this.k];
    this.caption.textContent = `logit of ${name}, T = ${signed(level, 1)}`;
    this.canvas.setAttribute("aria-label", `Map of the logit of class ${name}, ${view.titles[this.model]}`);
    this.colour(values, side, level);
    const pen = this.still.getContext("2d");
    pen.fillStyle = "#fff"; // in a dark page too, as pictures of digits are: points and lines stay as visible
    pen.fillRect(0, 0, SIZE, SIZE);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(this.heat, 0, 0, SIZE, SIZE);
    if (this.dotted !== view.at) this.points();
    pen.drawImage(this.dots, 0, 0);
    const pieces = landscape.line(level);
    for (const [colour, width] of [["#fff", 5], ["#222", 2.2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      for (const [x0, y0, x1, y1] of pieces) {
        pen.moveTo(x0 * SIZE, (1 - y0) * SIZE);
        pen.lineTo(x1 * SIZE, (1 - y1) * SIZE);
      }
      pen.stroke();
    }
    this.animate();
  }

  colour(values, side, level) {
    // The heat map: orange above T, blue below, the stronger the further away.
    const picture = new ImageData(side, side);
    let spread = 0.5;
    for (const value of values) spread = Math.max(spread, Math.abs(value - level));
    for (let i = 0; i < values.length; i++) {
      const row = side - 1 - Math.floor(i / side), value = values[row * side + (i % side)] - level;
      const [r, g, b] = value >= 0 ? ABOVE : BELOW;
      picture.data[4 * i] = r;
      picture.data[4 * i + 1] = g;
      picture.data[4 * i + 2] = b;
      picture.data[4 * i + 3] = Math.round(30 + 190 * Math.tanh((2 * Math.abs(value)) / spread));
    }
    Object.assign(this.heat, { width: side, height: side });
    this.heat.getContext("2d").putImageData(picture, 0, 0);
  }

  points() {
    // Drawn once: while a training plays, the points stay where they are.
    const { data, at } = this.view, pen = this.dots.getContext("2d");
    pen.clearRect(0, 0, SIZE, SIZE);
    this.dotted = at;
    data.labels.forEach((label, i) => {
      const own = label === this.k;
      shape(pen, label, at[2 * i] * SIZE, (1 - at[2 * i + 1]) * SIZE, own ? 3.4 : 2.6);
      pen.fillStyle = data.colours[label];
      pen.globalAlpha = own ? 0.95 : 0.5;
      pen.fill();
    });
    pen.globalAlpha = 1;
  }

  animate() {
    const { pen } = this;
    if (!this.landscape) return;
    pen.clearRect(0, 0, SIZE, SIZE);
    pen.drawImage(this.still, 0, 0);
    if (this.dropped) this.noise(pen);
    else this.ways(pen);
    this.cross(pen);
  }

  ways(pen) {
    // Negatives on their way uphill and back.
    const { values, steps, count } = this.paths, phase = this.view.phase(), place = Math.min(phase * (steps - 1), steps - 1);
    const [before, share] = [Math.floor(place), place % 1];
    const dot = (step, i, axis) => values[(step * count + i) * 2 + axis];
    pen.lineWidth = 1.2;
    pen.strokeStyle = "#000";
    pen.fillStyle = "#000";
    const next = Math.min(before + 1, steps - 1), between = (i, axis) => (1 - share) * dot(before, i, axis) + share * dot(next, i, axis);
    pen.globalAlpha = 0.45;
    pen.beginPath();
    for (let i = 0; i < count; i++) {
      pen.moveTo(dot(0, i, 0) * SIZE, (1 - dot(0, i, 1)) * SIZE);
      for (let step = 1; step < steps; step++) pen.lineTo(dot(step, i, 0) * SIZE, (1 - dot(step, i, 1)) * SIZE);
    }
    pen.stroke();
    pen.globalAlpha = 1;
    pen.beginPath();
    for (let i = 0; i < count; i++) {
      const [x, y] = [between(i, 0) * SIZE, (1 - between(i, 1)) * SIZE];
      pen.moveTo(x, y);
      pen.arc(x, y, 2.6, 0, 7);
    }
    pen.fill();
  }

  noise(pen) {
    const { values, frames, count, target, landed } = this.dropped;
    const place = this.view.climbed() * (frames - 1), frame = Math.round(place);
    for (let i = 0; i < count; i++) {
      if (target[i] !== this.k) continue;
      const [x, y] = [values[(frame * count + i) * 2], 1 - values[(frame * count + i) * 2 + 1]];
      pen.lineWidth = 1.6;
      pen.strokeStyle = "#fff";
      pen.fillStyle = "#000";
      pen.beginPath();
      pen.arc(x * SIZE, y * SIZE, 4, 0, 7);
      if (landed[i] && frame === frames - 1) pen.fill();
      pen.strokeStyle = "#000";
      pen.stroke();
    }
  }

  cross(pen) {
    const { cross, origin, data } = this.view, [x, y] = [cross[0] * SIZE, (1 - cross[1]) * SIZE];
    if (origin) {
      const half = data.frame.eps * SIZE;
      pen.setLineDash([5, 4]);
      pen.lineWidth = 1.5;
      pen.strokeStyle = data.colours[origin.label];
      pen.strokeRect(origin.x * SIZE - half, (1 - origin.y) * SIZE - half, 2 * half, 2 * half);
      pen.setLineDash([]);
    }
    for (const [colour, width] of [["#fff", 6], [data.colours[this.view.truth()], 3]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      pen.moveTo(x - 10, y);
      pen.lineTo(x + 10, y);
      pen.moveTo(x, y - 10);
      pen.lineTo(x, y + 10);
      pen.stroke();
    }
  }
}

function shape(pen, label, x, y, r) {
  // Each class has a shape of its own: circle, square, triangle, diamond.
  pen.beginPath();
  if (label === 0) pen.arc(x, y, r, 0, 7);
  if (label === 1) pen.rect(x - r, y - r, 2 * r, 2 * r);
  const corners = label === 2 ? [[0, -1.3], [1.2, 0.9], [-1.2, 0.9]] : label === 3 ? [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]] : [];
  corners.forEach(([dx, dy], i) => (i ? pen.lineTo(x + r * dx, y + r * dy) : pen.moveTo(x + r * dx, y + r * dy)));
  pen.closePath();
}
