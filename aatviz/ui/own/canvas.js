// The drawing area. It keeps the strokes, and tells Python the picture, a PNG, when one has ended.

const CELL = 10; // dots of the drawing a pixel of the image
const PAUSE = 500; // milliseconds without a key before the picture is sent: many dabs make one drawing
const MOMENT = 3000; // milliseconds that an answer may take
const drawings = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!drawings.has(parentElement)) drawings.set(parentElement, new Drawing(parentElement, data));
  const drawing = drawings.get(parentElement);
  drawing.agreeWith(data.shown);
  drawing.send = (picture) => setStateValue("picture", picture);
}

class Drawing {
  constructor(parent, { height, width, noun }) {
    const root = parent.querySelector(".drawing");
    this.canvas = root.querySelector("canvas");
    this.cells = [width, height];
    Object.assign(this.canvas, { width: CELL * width, height: CELL * height });
    for (const place of root.querySelectorAll("[data-role=noun]")) place.textContent = noun;
    this.canvas.setAttribute("aria-label", `Drawing area for one ${noun}`);
    this.pen = this.canvas.getContext("2d");
    this.spoken = root.querySelector(".spoken");
    this.width = root.querySelector("input");
    this.buttons = Object.fromEntries([...root.querySelectorAll("button")].map((button) => [button.dataset.act, button]));
    this.strokes = []; // each {erase, width, points}, {image}, or {clear} for all that was before it
    this.shown = ""; // the picture that the strokes began with
    this.sent = new Set(); // the pictures that Python got from here
    this.sentAt = 0; // milliseconds; 0 as long as it is just what was shown
    this.isForeign = false; // whether it is not of this area's own strokes
    this.erasing = false;
    this.cursor = this.cells.map((count) => Math.floor(count / 2)); // column, row
    this.buttons.pen.addEventListener("click", () => this.take(false));
    this.buttons.eraser.addEventListener("click", () => this.take(true));
    this.buttons.undo.addEventListener("click", () => this.undo());
    this.buttons.clear.addEventListener("click", () => this.clear());
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.go(event));
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => this.end());
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    for (const change of ["focus", "blur"]) this.canvas.addEventListener(change, () => this.draw());
    this.draw();
  }

  // The page's image may be another one than the drawing: it comes from a link, a file, or from before another page. What
  // was drawn here is known; a picture of a moment ago may have been on its way while a stroke was drawn.
  agreeWith(shown) {
    const isMine = this.sent.has(shown) && !this.isForeign;
    const isLate = shown === this.shown && Date.now() - this.sentAt < MOMENT;
    if (isMine || isLate || (shown === this.shown && !this.sentAt) || (!shown && !this.isDrawn())) return;
    Object.assign(this, { shown, strokes: [], sentAt: 0, isForeign: !this.sent.has(shown) });
    if (shown) {
      const image = new Image();
      image.addEventListener("load", () => this.draw());
      image.src = shown;
      this.strokes.push({ image });
    }
    this.draw();
  }

  take(erasing) {
    this.erasing = erasing;
    this.buttons.pen.setAttribute("aria-pressed", String(!erasing));
    this.buttons.eraser.setAttribute("aria-pressed", String(erasing));
  }

  begin(event) {
    if (event.button || this.stroke) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.stroke = this.add(this.erasing, [this.at(event)]);
    this.draw();
  }

  go(event) {
    if (!this.stroke || event.pointerId !== this.pointer) return;
    const between = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of between.length ? between : [event]) this.stroke.points.push(this.at(one));
    this.draw();
  }

  end() {
    if (!this.stroke) return;
    this.stroke = null;
    this.changed(0);
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const { width, height } = this.canvas;
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  }

  add(erase, points) {
    const stroke = { erase, points, width: Number(this.width.value) };
    this.strokes.push(stroke);
    return stroke;
  }

  onKey(event) {
    if (event.altKey || (event.key.toLowerCase() === "z" ? !(event.ctrlKey || event.metaKey) : event.ctrlKey || event.metaKey)) return;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const actions = {
      " ": () => this.dab(this.erasing),
      Enter: () => this.dab(this.erasing),
      Delete: () => this.dab(true),
      Backspace: () => this.dab(true),
      u: () => this.undo(),
      z: () => this.undo(),
    };
    const move = moves[event.key], action = actions[event.key] || actions[event.key.toLowerCase()];
    if (!move && !action) return;
    event.preventDefault();
    if (move) this.move(move, event.shiftKey);
    else action();
  }

  move(by, drawing) {
    const from = this.place();
    this.cursor = this.cursor.map((at, axis) => Math.min(Math.max(at + by[axis], 0), this.cells[axis] - 1));
    if (drawing) {
      this.add(this.erasing, [from, this.place()]);
      this.changed(PAUSE);
    }
    this.draw();
    this.say(drawing ? (this.erasing ? "erased" : "drawn") : "");
  }

  place() {
    return this.cursor.map((cell) => (cell + 0.5) * CELL);
  }

  dab(erase) {
    this.add(erase, [this.place()]);
    this.changed(PAUSE);
    this.say(erase ? "erased" : "drawn");
  }

  undo() {
    const last = this.strokes.pop();
    if (last) this.changed(0);
    this.spoken.textContent = last ? "Undone." : "There is nothing to undo.";
  }

  clear() {
    if (this.isDrawn()) this.strokes.push({ clear: true });
    this.changed(0);
    this.spoken.textContent = "The drawing area is empty.";
  }

  say(what) {
    const [column, row] = this.cursor;
    this.spoken.textContent = `Row ${row + 1}, column ${column + 1}${what ? `, ${what}` : ""}`;
  }

  isDrawn() {
    return this.strokes.length > 0 && !this.strokes[this.strokes.length - 1].clear;
  }

  changed(pause) {
    this.draw();
    clearTimeout(this.timer);
    if (pause) this.timer = setTimeout(() => this.flush(), pause);
    else this.flush();
  }

  flush() {
    clearTimeout(this.timer);
    if (!this.canvas.isConnected) return; // the page has gone on
    this.draw(false); // without the cross
    const picture = this.isDrawn() ? this.canvas.toDataURL("image/png") : "";
    if (picture) this.sent.add(picture);
    Object.assign(this, { sentAt: Date.now(), isForeign: false });
    this.send(picture);
    this.draw();
  }

  draw(withCross = true) {
    const { pen } = this;
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    pen.lineCap = pen.lineJoin = "round";
    const from = this.strokes.findLastIndex((stroke) => stroke.clear) + 1;
    pen.imageSmoothingEnabled = false;
    for (const { image, erase, width, points } of this.strokes.slice(from)) {
      if (image) {
        if (image.complete) pen.drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
        continue;
      }
      pen.strokeStyle = erase ? "#000" : "#fff";
      pen.lineWidth = width;
      pen.beginPath();
      pen.moveTo(...points[0]);
      for (const point of points.length > 1 ? points.slice(1) : points) pen.lineTo(...point);
      pen.stroke();
    }
    if (withCross && this.canvas.matches(":focus-visible")) this.cross();
  }

  cross() {
    const [x, y] = this.place(), { pen } = this;
    for (const [colour, width] of [["#000", 5], ["#E69F00", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      pen.moveTo(x - 9, y);
      pen.lineTo(x + 9, y);
      pen.moveTo(x, y - 9);
      pen.lineTo(x, y + 9);
      pen.stroke();
    }
  }
}
