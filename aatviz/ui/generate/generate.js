// The Generate page's view: gets every frame of every image as one picture, once. Playing and marking happen here; Python
// hears which cell is marked, and which image is to be attacked.

const SVG = "http://www.w3.org/2000/svg";
const MOMENT = 250; // milliseconds that a mark has to stay before Python hears of it
const views = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new GenerateView(parentElement));
  const view = views.get(parentElement);
  view.send = (place) => setStateValue("place", place);
  view.open = (model) => setTriggerValue("open", { model, ...view.place });
  view.receive(data);
  return () => (clearTimeout(view.timer), view.playback.pause());
}

class GenerateView {
  constructor(parent) {
    this.root = parent.querySelector(".generate");
    const draw = (frame) => this.grids.forEach((grid) => grid.draw(frame));
    this.playback = new Playback(this.root, draw, (frame) => `step ${this.data.steps[frame]} / ${this.data.steps.at(-1)}`);
    this.grids = [];
  }

  receive(data) {
    const isNew = this.id !== data.id;
    if (isNew) this.load(data);
    if (!isNew && data.place.number === this.told) return;
    this.told = data.place.number;
    const { target, sample } = data.place; // they may belong to other settings: take the nearest cell
    this.place = { target: data.targets.includes(target) ? target : data.targets[0], sample: Math.min(sample, data.count - 1) };
    this.mark();
    if (isNew) this.sprite.decode().then(() => this.id === data.id && this.playback.show(this.playback.last));
  }

  load(data) {
    this.playback.pause();
    Object.assign(this, { id: data.id, data });
    this.sprite = new Image();
    this.sprite.src = data.sprite;
    this.root.style.setProperty("--missed", data.missed);
    this.root.style.setProperty("--count", data.columns);
    this.root.style.setProperty("--longest", `${Math.max(...data.targets.map((k) => Math.min(data.names[k].length, 10)))}ch`);
    this.root.classList.toggle("wide", data.columns < data.count);
    this.pictures = new Pictures(data.shape, {});
    this.grids = data.models.map((model, place) => new Grid(model, place, this));
    if (data.seeds) this.grids.splice(2, 0, new Seeds(data.models[0], 0, this)); // beside the two that are compared
    this.root.querySelector("[data-role=columns]").replaceChildren(...this.grids.map((grid) => grid.element));
    this.playback.last = this.playback.at = data.steps.length - 1;
  }

  choose(target, sample) {
    if (target === this.place.target && sample === this.place.sample) return;
    this.place = { target, sample };
    this.mark();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send({ ...this.place }), MOMENT);
  }

  mark() {
    const { target, sample } = this.place;
    this.root.querySelector("[data-role=marked]").textContent = `Towards ${this.data.names[target]}, sample ${sample}.`;
    for (const grid of this.grids) grid.mark(this.row(target), sample);
  }

  row(target) {
    return this.data.targets.indexOf(target);
  }

  paint(canvas, model, frame, row, sample) {
    const { count, targets } = this.data, { width, height } = this.pictures;
    const x = (model * count + sample) * width, y = (frame * targets.length + row) * height;
    canvas.getContext("2d").drawImage(this.sprite, x, y, width, height, 0, 0, width, height);
  }
}
