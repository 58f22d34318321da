// The grids of the Compare page: gets all images once. The marked cell, the view and the magnification are kept in the browser.
// Python is told the place ({row, target, view, magnify}) a moment after it was changed, and which cell is to be opened.

const SVG = "http://www.w3.org/2000/svg";
const MOMENT = 250;
const views = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new CompareView(parentElement));
  const view = views.get(parentElement);
  view.send = (place) => setStateValue("place", place);
  view.open = (model) => {
    const { row, column } = view.cell();
    setTriggerValue("open", { model, row, target: view.data.targets[column] });
  };
  view.receive(data);
  return () => clearTimeout(view.timer);
}

class CompareView {
  constructor(parent) {
    this.root = parent.querySelector(".compare");
    this.role = (name) => this.root.querySelector(`[data-role="${name}"]`);
    this.models = [];
    this.sent = [];
    for (const button of this.root.querySelectorAll("[data-view]"))
      button.addEventListener("click", () => this.change({ view: button.dataset.view }));
    this.role("magnify").addEventListener("input", (event) => this.change({ magnify: Number(event.target.value) }));
  }

  receive(data) {
    const isNew = this.id !== data.id;
    if (isNew) this.load(data);
    this.data.T = data.T;
    const told = JSON.stringify(data.place);
    const at = this.sent.indexOf(told);
    // A place that was sent from here comes back a moment later; only any other new place comes from a link.
    if (isNew || (at < 0 && told !== this.known)) this.place = { ...data.place };
    this.sent.splice(0, at + 1);
    this.known = told;
    this.drawAll();
  }

  load(data) {
    this.id = data.id;
    this.data = data;
    this.pictures = new Pictures(data.shape, data.colours);
    this.natural = unpack16(data.natural);
    this.models = data.models.map((model) => new Model(model, this));
    this.role("models").replaceChildren(...this.models.map((model) => model.element));
    this.role("magnify").max = data.mostMagnified;
    this.role("legend").replaceChildren(...legend(data));
    this.hover = null;
    this.timer = null;
  }

  change(part) {
    const before = this.place;
    this.place = { ...before, ...part };
    if (this.place.view !== before.view || this.place.magnify !== before.magnify) this.drawAll();
    else this.show();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const told = JSON.stringify(this.place);
      if (told === (this.sent.at(-1) ?? this.known)) return;
      this.sent.push(told);
      this.send({ ...this.place });
    }, MOMENT);
  }

  drawAll() {
    const { view, magnify } = this.place, { scale, locked, hidden } = this.data;
    this.root.querySelector(".views").hidden = hidden.includes("view");
    this.root.querySelector(".magnify").hidden = hidden.includes("magnify");
    for (const button of this.root.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
      button.disabled = locked.includes("view");
    }
    const slider = this.role("magnify");
    slider.value = magnify;
    slider.disabled = locked.includes("magnify");
    slider.setAttribute("aria-valuetext", `${magnify} times`);
    this.role("magnified").textContent = `×${magnify}`;
    this.bound = scale / magnify;
    const bar = node("span", { class: "bar", style: this.pictures.scale() });
    this.role("key").replaceChildren(`−${boundText(this.bound)}`, bar, `+${boundText(this.bound)}`);
    for (const model of this.models) model.draw();
    this.show();
  }

  preview(cell) {
    this.hover = cell;
    this.show();
  }

  show() {
    const { row, column } = this.hover ?? this.cell(), { names, rows, targets, withArticle } = this.data;
    const { index, y } = rows[row];
    const own = y === targets[column] ? ", its own class" : "";
    this.role("marked").textContent = `Image ${index}, ${withArticle[y]}, pushed towards ${names[targets[column]]}${own}.`;
    for (const model of this.models) model.show(row, column);
  }

  cell() {
    // The marked cell, or the nearest one: the place may belong to other settings.
    const { rows, targets } = this.data, { row, target } = this.place;
    return { row: Math.min(row, rows.length - 1), column: Math.max(targets.indexOf(target), 0) };
  }
}

function legend({ colours, noun }) {
  const entry = (mark, text) => node("span", {}, [node("i", { class: `mark ${mark}`, "aria-hidden": "true" }), text]);
  return [
    node("span", {}, [node("i", {}, ["x"]), ` the natural ${noun}`]),
    entry("fooled", "✗ bar below: the attacked model is fooled"),
    entry("rejected", "■ corner: the image is rejected (logit below T)"),
    entry("own", `dotted: the target is the ${noun}’s own class`),
  ].map((element) => (element.style.setProperty("--fooled", colours.fooled), element.style.setProperty("--rejected", colours.rejected), element));
}
