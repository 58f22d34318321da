// The attack player: gets the whole path of each attack once and shows any of its steps without asking Python again.
// Python is told one thing only: the threshold T, once its slider is let go.

const SIDE = 28;
const SVG = "http://www.w3.org/2000/svg";
const PLAY = "M7 4.5v15L20 12z";
const PAUSE = "M6.5 5h4v14h-4zM13.5 5h4v14h-4z";
const players = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!players.has(parentElement)) players.set(parentElement, new Player(parentElement));
  const player = players.get(parentElement);
  player.tell = (T) => setStateValue("T", (player.told = T));
  if (player.id !== data.id) player.load(data);
  else if (data.T !== player.told) player.moveThreshold(data.T); // a new link; not the echo of this slider
  return () => player.pause();
}

class Player {
  constructor(parent) {
    this.root = parent.querySelector(".player");
    this.role = (name) => this.root.querySelector(`[data-role="${name}"]`);
    this.timer = null;
    this.columns = [];
    const actions = {
      first: () => this.show(0),
      back: () => this.show(this.step - 1),
      forward: () => this.show(this.step + 1),
      last: () => this.show(this.steps),
      play: () => (this.timer ? this.pause() : this.play()),
    };
    for (const button of this.root.querySelectorAll("button"))
      button.addEventListener("click", () => {
        if (button.dataset.act !== "play") this.pause();
        actions[button.dataset.act]();
      });
    this.role("scrubber").addEventListener("input", (event) => {
      this.pause();
      this.show(Number(event.target.value));
    });
    this.role("speed").addEventListener("change", () => this.timer && (this.pause(), this.play()));
    this.role("threshold").addEventListener("input", (event) => this.setThreshold(Number(event.target.value)));
    this.role("threshold").addEventListener("change", () => this.tell(this.T));
    this.root.addEventListener("keydown", (event) => this.onKey(event, actions));
    new ResizeObserver(() => this.resize()).observe(this.root);
  }

  onKey(event, actions) {
    const target = event.target;
    if (event.altKey || event.ctrlKey || event.metaKey || target.matches("select, [data-role=threshold]")) return;
    const keys = { ArrowLeft: "back", ArrowRight: "forward", Home: "first", End: "last", " ": "play" };
    const name = keys[event.key];
    if (!name || (event.key === " " && target.matches("button"))) return;
    event.preventDefault();
    if (name !== "play") this.pause();
    actions[name]();
  }

  load(data) {
    this.pause();
    this.id = data.id;
    this.columns = data.columns.map((column) => new Column(column, data, (step) => (this.pause(), this.show(step))));
    const holder = this.role("columns");
    holder.replaceChildren(...this.columns.map((column) => column.element));
    holder.classList.toggle("single", this.columns.length === 1);
    this.steps = Math.max(...data.columns.map((column) => column.loss.length)) - 1;
    this.role("scrubber").max = this.steps;
    this.root.querySelector(".threshold").hidden = !data.columns.some((column) => column.rejects);
    Object.assign(this.role("threshold"), { min: data.limits[0], max: data.limits[1], step: 0.1 });
    this.step = data.columns[0].kept;
    this.resize();
    this.moveThreshold(data.T);
    this.show(this.step);
  }

  moveThreshold(T) {
    this.told = T;
    this.role("threshold").value = T;
    this.setThreshold(T);
  }

  resize() {
    if (this.width === this.root.clientWidth && this.drawn === this.id) return;
    this.width = this.root.clientWidth;
    this.drawn = this.id;
    for (const column of this.columns) column.draw();
    if (this.T !== undefined) this.setThreshold(this.T);
    if (this.columns.length) this.show(this.step);
  }

  setThreshold(T) {
    this.T = T;
    this.role("threshold-value").textContent = signed(T, 1);
    for (const column of this.columns) column.setThreshold(T);
  }

  show(step) {
    this.step = Math.min(Math.max(step, 0), this.steps);
    this.role("scrubber").value = this.step;
    this.role("scrubber").setAttribute("aria-valuetext", `step ${this.step} of ${this.steps}`);
    this.role("step").textContent = `step ${this.step} / ${this.steps}`;
    for (const column of this.columns) column.show(this.step);
  }

  play() {
    if (this.step >= this.steps) this.show(0);
    const started = performance.now();
    const from = this.step;
    const pace = Number(this.role("speed").value) / 1000;
    const tick = (now) => {
      this.show(from + Math.max(Math.floor((now - started) * pace), 0));
      if (this.step >= this.steps) this.pause();
      else this.timer = requestAnimationFrame(tick);
    };
    this.timer = requestAnimationFrame(tick);
    this.setButton("Pause", PAUSE);
  }

  pause() {
    if (this.timer) cancelAnimationFrame(this.timer);
    this.timer = null;
    this.setButton("Play", PLAY);
  }

  setButton(label, path) {
    const button = this.root.querySelector(".play");
    button.setAttribute("aria-label", label);
    button.querySelector("path").setAttribute("d", path);
  }
}
