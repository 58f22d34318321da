// The playback toolbar of a view: buttons, scrubber, speed and keys move through the pictures 0..last.

const PLAY = "M7 4.5v15L20 12z";
const PAUSE = "M6.5 5h4v14h-4zM13.5 5h4v14h-4z";

class Playback {
  // `draw(index)` shows a picture; `nameOf(index)` is its name, "step 5 / 60".
  constructor(root, draw, nameOf) {
    Object.assign(this, { root, draw, nameOf, at: 0, last: 0, timer: null });
    this.role = (name) => root.querySelector(`[data-role="${name}"]`);
    const actions = {
      first: () => this.show(0),
      back: () => this.show(this.at - 1),
      forward: () => this.show(this.at + 1),
      last: () => this.show(this.last),
      play: () => (this.timer ? this.pause() : this.play()),
    };
    for (const button of root.querySelectorAll("button[data-act]"))
      button.addEventListener("click", () => {
        if (button.dataset.act !== "play") this.pause();
        actions[button.dataset.act]();
      });
    this.role("scrubber").addEventListener("input", (event) => this.jump(Number(event.target.value)));
    this.role("speed").addEventListener("change", () => this.timer && (this.pause(), this.play()));
    root.addEventListener("keydown", (event) => this.onKey(event, actions));
  }

  onKey(event, actions) {
    const target = event.target;
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (target.matches("select, input:not([data-role=scrubber])")) return;
    const keys = { ArrowLeft: "back", ArrowRight: "forward", Home: "first", End: "last", " ": "play" };
    const name = keys[event.key];
    if (!name || (event.key === " " && target.matches("button"))) return;
    event.preventDefault();
    if (name !== "play") this.pause();
    actions[name]();
  }

  jump(at) {
    this.pause();
    this.show(at);
  }

  show(at) {
    this.at = Math.min(Math.max(at, 0), this.last);
    const scrubber = this.role("scrubber");
    scrubber.max = this.last;
    scrubber.value = this.at;
    scrubber.setAttribute("aria-valuetext", this.nameOf(this.at).replace("/", "of"));
    this.role("step").textContent = this.nameOf(this.at);
    this.draw(this.at);
  }

  play() {
    if (this.at >= this.last) this.show(0);
    const started = performance.now();
    const from = this.at;
    const pace = Number(this.role("speed").value) / 1000;
    const tick = (now) => {
      this.show(from + Math.max(Math.floor((now - started) * pace), 0));
      if (this.at >= this.last) this.pause();
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
