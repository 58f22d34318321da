// The Playground's view: gets the points once and a picture of every model again and again; the cross, T and all that moves live here.

const SVG = "http://www.w3.org/2000/svg";
const views = new WeakMap();
const PERIOD = 2600; // milliseconds in which negatives walk uphill and back
const MOMENT = 3000; // milliseconds that an answer may take
const REST = 500; // milliseconds without a key after which the cross has been let go
const FRAME = 34; // between two frames of what moves
const PAUSE = 200; // between two looks whether a training still plays
const LONGEST = 1500; // that the pictures of a piece may take
const CLIMB = 2500; // milliseconds that dropped noise takes

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new Playground(parentElement));
  const view = views.get(parentElement);
  view.tell = (share) => setStateValue("share", share);
  view.tellCross = (cross) => setStateValue("cross", cross);
  view.tellPlace = (place) => setTriggerValue("place", place);
  view.take(data);
}

class Playground {
  constructor(parent) {
    this.root = parent.querySelector(".playground");
    this.role = (name) => this.root.querySelector(`[data-role="${name}"]`);
    this.cross = [0.5, 0.5];
    this.origin = null; // the data point that the cross came from, {x, y, label}
    this.pen = null; // the class whose points a click adds; null: a click moves the cross
    this.maps = [];
    this.share = this.role("share");
    this.movedAt = this.draggedAt = 0; // when the slider and the cross were moved last, in milliseconds
    this.share.addEventListener("input", () => {
      this.movedAt = Date.now();
      this.redraw();
    });
    this.share.addEventListener("change", () => this.tell(Number(this.share.value)));
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.loop = () => this.run();
    requestAnimationFrame(this.loop);
  }

  take(data) {
    const fresh = this.data?.id !== data.id;
    // An answer to a share of a moment ago must not move the slider back.
    if (!this.data || (this.shareTold !== data.share && Date.now() - this.movedAt > MOMENT)) this.share.value = data.share;
    this.shareTold = data.share;
    const crossed = this.crossTold !== data.cross && Date.now() - this.draggedAt > MOMENT;
    this.crossTold = data.cross;
    this.restrict(data);
    this.role("standing").textContent = data.standing;
    if (!fresh && this.data.frame.serial === data.frame.serial) {
      const moved = this.shown !== data.share, paused = this.data.frame.playing && !data.frame.playing;
      this.data = data;
      this.shown = data.share;
      if (crossed) this.putCross();
      if (paused) this.play(); // what stands is what the words say, not what was still to be shown
      else if (moved || crossed) this.redraw();
      return;
    }
    this.shown = data.share;
    this.data = data;
    if (fresh) this.begin();
    if (fresh || crossed) this.putCross();
    if (fresh || this.maps.length !== data.frame.models.length * data.classes.length) this.build();
    this.droppedAt = performance.now();
    this.curves();
    this.play();
  }

  play() {
    // The pictures of a piece, one after the other in the time that a piece takes; of a training that stands still, the last.
    const now = performance.now(), { frame } = this.data, count = frame.models[0].pictures.length;
    const pause = Math.min(now - (this.takenAt || 0), LONGEST) / (count + 0.5);
    this.takenAt = now;
    clearTimeout(this.next);
    const show = (i) => {
      this.show(i);
      if (i + 1 < count) this.next = setTimeout(() => show(i + 1), pause);
    };
    show(frame.playing ? 0 : count - 1);
  }

  show(i) {
    const { data } = this, shape = data.side * data.side;
    data.frame.models.forEach((model, place) => {
      const picture = model.pictures[i], all = unpack16(picture.landscape);
      const ways = picture.paths && unpack16(picture.paths.values), [, steps, count] = picture.paths?.shape ?? [];
      const dropped = model.dropped && { ...model.dropped, values: unpack16(model.dropped.values), frames: model.dropped.shape[0], count: model.dropped.shape[1] };
      data.classes.forEach((_, k) => {
        const values = all.slice(k * shape, (k + 1) * shape).map((value) => picture.low + value * (picture.high - picture.low));
        const map = this.maps[place * data.classes.length + k];
        const paths = ways ? { steps, count, values: ways.slice(k * steps * count * 2, (k + 1) * steps * count * 2) } : map.paths;
        map.load(new Landscape(values, data.side), picture.thresholds[k], paths, dropped);
      });
    });
    this.role("shown").textContent = `${this.share.value} %`;
    this.verdicts();
    this.count = (this.count || 0) + 1;
    this.root.dataset.pictures = this.count;
    this.root.dataset.step = data.frame.models[0].pictures[i].step;
  }

  begin() {
    // Other points.
    const { data } = this;
    this.at = Array.from(new Uint8Array(bytes(data.points)), (value) => value / 255);
    this.far = [...new Uint8Array(bytes(data.far)).entries()].filter(([, is]) => is).map(([i]) => i);
    this.pen = null;
    this.role("legend").replaceChildren(...data.classes.map((name, k) => {
      const canvas = node("canvas", { width: 16, height: 16, style: "width:14px;height:14px;border:0;vertical-align:-2px;margin-right:4px", "aria-hidden": "true" });
      const pen = canvas.getContext("2d");
      shape(pen, k, 8, 8, 5);
      pen.fillStyle = data.colours[k];
      pen.fill();
      return node("span", {}, [canvas, `class ${name}`]);
    }));
    this.role("drawhelp").textContent = data.drawing ? " With a class chosen above, a click, or Enter, adds points of that class." : "";
    this.chooser();
  }

  putCross() {
    // Where Python says: x and y from 0 to 255, and the same of the point that it came from; nothing: on the first point.
    const places = this.data.cross ? this.data.cross.split(",").map((one) => one / 255) : this.at.slice(0, 2);
    this.cross = places.slice(0, 2);
    this.origin = this.nearest(...places.slice(-2));
  }

  dropCross() {
    // It has been let go.
    if (this.data.locked.includes("cross")) return;
    this.draggedAt = Date.now();
    const places = [...this.cross, this.origin.x, this.origin.y].map((one) => Math.round(255 * one));
    this.tellCross(places.join(","));
  }

  restrict({ locked, hidden }) {
    // A lesson may lock what is moved here, and hide the slider.
    this.share.disabled = locked.includes("share");
    this.share.parentElement.hidden = hidden.includes("share");
  }

  chooser() {
    const { data } = this;
    if (!data.drawing || data.locked.includes("places")) return this.role("draw").replaceChildren();
    const choices = [[null, "Move the cross"], ...data.classes.map((name, k) => [k, `Add ${name}`])];
    this.role("draw").replaceChildren(...choices.map(([k, text]) => {
      const button = node("button", { type: "button", "aria-pressed": String(this.pen === k) }, [text]);
      button.addEventListener("click", () => {
        this.pen = k;
        for (const one of this.role("draw").children) one.setAttribute("aria-pressed", String(one === button));
      });
      return button;
    }));
  }

  build() {
    const { data } = this;
    this.titles = Object.fromEntries(data.frame.models.map((model) => [model.name, model.title]));
    this.maps = [];
    this.role("models").replaceChildren(...data.frame.models.map((model) => {
      const mine = data.classes.map((_, k) => new PlaneMap(this, model.name, k));
      this.maps.push(...mine);
      return node("section", { class: "model" }, [node("h3", {}, [swatch(model.name), model.title]), node("div", { class: "maps" }, mine.map((map) => map.root))]);
    }));
  }

  shareIndex() {
    return Number(this.share.value) - this.data.shares[0];
  }

  redraw() {
    this.role("shown").textContent = `${this.share.value} %`;
    for (const map of this.maps) map.draw();
    this.verdicts();
  }

  drawing() {
    return this.pen !== null;
  }

  place(x, y) {
    this.tellPlace({ x: Math.round(255 * x), y: Math.round(255 * y), k: this.pen });
    this.say(`Points of class ${this.data.classes[this.pen]} added.`);
  }

  grab(x, y) {
    if (this.data.locked.includes("cross")) return;
    const near = this.nearest(x, y);
    if (near.distance < 0.03) this.origin = near;
  }

  nearest(x, y) {
    let found = { distance: Infinity };
    this.data.labels.forEach((label, i) => {
      const distance = Math.hypot(this.at[2 * i] - x, this.at[2 * i + 1] - y);
      if (distance < found.distance) found = { x: this.at[2 * i], y: this.at[2 * i + 1], label, distance };
    });
    return found;
  }

  moveTo(x, y) {
    if (this.data.locked.includes("cross")) return;
    this.draggedAt = Date.now();
    this.cross = [x, y];
    for (const map of this.maps) map.animate();
    this.verdicts();
  }

  truth() {
    return this.origin.label;
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }, move = moves[event.key];
    if (!move && event.key !== "Enter") return;
    event.preventDefault();
    if (move) {
      const by = event.shiftKey ? 0.08 : 0.01;
      this.moveTo(...this.cross.map((at, axis) => Math.min(Math.max(at + by * move[axis], 0), 1)));
    } else if (this.drawing()) this.place(...this.cross);
    else if (!this.data.locked.includes("cross")) {
      this.origin = this.nearest(...this.cross);
      this.moveTo(this.origin.x, this.origin.y);
    }
    this.say(this.sentence);
    clearTimeout(this.dropping);
    this.dropping = setTimeout(() => this.dropCross(), REST); // keys come one by one
  }

  say(text) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.role("spoken").textContent = text), 400);
  }

  verdicts() {
    const { data } = this, count = data.classes.length, parts = [];
    this.role("verdicts").replaceChildren(...data.frame.models.map((model, place) => {
      const maps = this.maps.slice(place * count, (place + 1) * count);
      const logits = maps.map((map) => map.landscape.at(...this.cross));
      const winner = logits.indexOf(Math.max(...logits));
      const rejected = logits[winner] < maps[winner].threshold(), fooled = winner !== this.truth();
      const last = model.auc[model.auc.length - 1];
      const climbed = model.dropped && model.dropped.landed.filter(Boolean).length / model.dropped.landed.length;
      parts.push(`${model.title}: ${data.classes[winner]}, ${fooled ? "fooled" : "right"}, ${rejected ? "rejected" : "accepted"}`);
      const cells = [data.classes[winner], fooled ? "✗ fooled" : "✓ right", signed(logits[winner], 1), rejected ? "■ rejected" : "accepted",
        percent(this.farAccepted(maps)), last ? last[1].toFixed(3) : "–", last ? last[2].toFixed(3) : "–", climbed === null ? "–" : percent(climbed)];
      return node("tr", { "data-testid": `verdict-${model.name}` }, [node("th", { scope: "row" }, [model.title]), ...cells.map((text) => node("td", {}, [text]))]);
    }));
    this.sentence = `True class ${data.classes[this.truth()]}. ${parts.join(". ")}.`;
  }

  farAccepted(maps) {
    let accepted = 0;
    for (const map of maps) {
      const level = map.threshold(), { values } = map.landscape;
      for (const i of this.far) accepted += values[i] >= level;
    }
    return accepted / (this.far.length * maps.length); // NaN where no cell is far
  }

  curves() {
    const { models, steps } = this.data.frame, key = (model) => ({ model: model.name, name: model.title });
    const losses = models.map((model) => ({ ...key(model), width: 1.8, points: model.loss }));
    const most = Math.max(0.2, ...losses.flatMap(({ points }) => points.slice(0, 1).map(([, value]) => value)));
    lineChart(this.role("loss"), losses, steps, [0, most]);
    const values = models.flatMap((model) => model.auc.flatMap(([, natural, attacked]) => [natural, attacked]));
    const low = Math.floor(10 * Math.min(0.9, ...values) - 1e-9) / 10;
    lineChart(this.role("auc"), models.flatMap((model) => [
      { ...key(model), name: `${model.title}, natural`, width: 1, points: model.auc.map(([step, natural]) => [step, natural]) },
      { ...key(model), name: `${model.title}, attacked`, width: 2.6, points: model.auc.map(([step, , attacked]) => [step, attacked]) },
    ]), steps, [low, 1]);
  }

  phase() {
    // From 0 to 1 and back; with reduced motion negatives stay where they end.
    if (this.calm.matches) return 1;
    const share = (performance.now() % PERIOD) / PERIOD;
    return share < 0.5 ? Math.min(2.4 * share, 1) : Math.max(1 - 2.4 * (share - 0.5), 0);
  }

  climbed() {
    return this.calm.matches ? 1 : Math.min((performance.now() - this.droppedAt) / CLIMB, 1);
  }

  run() {
    if (!this.root.isConnected) return;
    const playing = this.data?.frame.playing; // then every new picture draws the maps anyway
    if (this.data && !playing && !this.calm.matches) for (const map of this.maps) map.animate();
    setTimeout(() => requestAnimationFrame(this.loop), playing ? PAUSE : FRAME);
  }
}

function percent(share) {
  return Number.isNaN(share) ? "–" : `${Math.round(100 * share)} %`;
}
