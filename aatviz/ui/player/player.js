// The attack player: gets the whole path of each attack once and shows any of its steps without asking Python again.
// Python is told one thing only: the threshold T, once its slider is let go.

const SVG = "http://www.w3.org/2000/svg";
const players = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!players.has(parentElement)) players.set(parentElement, new Player(parentElement));
  const player = players.get(parentElement);
  player.tell = (T) => setStateValue("T", (player.told = T));
  if (player.id !== data.id) player.load(data);
  else if (data.T !== player.told) player.moveThreshold(data.T); // a new link; not the echo of this slider
  player.restrict(data.locked, data.hidden);
  return () => player.playback.pause();
}

class Player {
  constructor(parent) {
    this.root = parent.querySelector(".player");
    this.role = (name) => this.root.querySelector(`[data-role="${name}"]`);
    this.columns = [];
    const draw = (step) => this.columns.forEach((column) => column.show(step));
    this.playback = new Playback(this.root, draw, (step) => `step ${step} / ${this.playback.last}`);
    this.role("threshold").addEventListener("input", (event) => this.setThreshold(Number(event.target.value)));
    this.role("threshold").addEventListener("change", () => this.tell(this.T));
    new ResizeObserver(() => this.resize()).observe(this.root);
  }

  load(data) {
    this.playback.pause();
    this.id = data.id;
    const pictures = new Pictures(data.shape, data.colours);
    this.columns = data.columns.map((column) => new Column(column, { ...data, pictures, headings: data.pictures }, (step) => this.playback.jump(step)));
    const holder = this.role("columns");
    holder.replaceChildren(...this.columns.map((column) => column.element));
    holder.classList.toggle("single", this.columns.length === 1);
    this.playback.last = Math.max(...data.columns.map((column) => column.loss.length)) - 1;
    Object.assign(this.role("threshold"), { min: data.limits[0], max: data.limits[1], step: 0.1 });
    this.playback.at = data.columns[0].kept;
    this.resize();
    this.moveThreshold(data.T);
    this.playback.show(this.playback.at);
  }

  restrict(locked, hidden) {
    // What a lesson leaves of the threshold; without a victim that rejects there is none.
    this.root.querySelector(".threshold").hidden = hidden || !this.columns.some((column) => column.data.rejects);
    this.role("threshold").disabled = locked;
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
    if (this.columns.length) this.playback.show(this.playback.at);
  }

  setThreshold(T) {
    this.T = T;
    this.role("threshold-value").textContent = signed(T, 1);
    for (const column of this.columns) column.setThreshold(T);
  }
}
