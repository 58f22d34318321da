// The controls of the live thresholds: one slider for T or one for each T_k, and four choices.

const MANY = 20; // more sliders than this are searched and scrolled
const PATIENCE = 150; // milliseconds without another key before Python is told

class Controls {
  constructor(root, listener) {
    Object.assign(this, { root, listener, settings: {}, thresholds: [], sliders: [], locked: [], hidden: [] });
    this.bar = root.querySelector("[data-role=sliders]");
    this.selects = [...root.querySelectorAll("select[data-setting]")];
    for (const select of this.selects)
      select.addEventListener("change", () => {
        this.settings[select.dataset.setting] = select.value;
        if (select.dataset.setting === "mode") this.build();
        listener.changed();
        this.finish();
      });
  }

  load({ limits, step, names }) {
    Object.assign(this, { limits, step, names, classes: names.length });
  }

  take(settings) {
    this.settings = { ...settings };
    for (const select of this.selects) select.value = settings[select.dataset.setting];
    this.T = Number(settings.T);
    this.Tk = settings.Tk ? settings.Tk.split(",").map(Number) : null;
    this.build();
  }

  build() {
    const one = this.settings.mode === "one";
    if (!one && !this.Tk) this.Tk = Array(this.classes).fill(this.T);
    const values = one ? [this.T] : this.Tk;
    if (this.sliders.length !== values.length || this.built !== this.settings.mode) {
      this.built = this.settings.mode;
      this.sliders = values.map((_, k) => this.slider(one ? null : k));
      const long = values.length > MANY;
      this.bar.replaceChildren(...(long ? [this.search()] : []), ...this.sliders.map(({ row }) => row));
      this.bar.classList.toggle("many", !one);
      this.bar.classList.toggle("long", long);
    }
    values.forEach((value, k) => {
      this.sliders[k].input.value = value;
      this.sliders[k].output.textContent = signed(value, 1);
    });
    this.thresholds = one ? Array(this.classes).fill(this.T) : [...this.Tk];
    this.restrict(this.locked, this.hidden);
  }

  search() {
    const input = node("input", { type: "search", placeholder: `Search ${this.classes} detectors`, "aria-label": "Search the detectors", "data-testid": "search" });
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      this.sliders.forEach(({ row }, k) => (row.hidden = !this.names[k].toLowerCase().includes(wanted)));
    });
    return input;
  }

  slider(k) {
    const [min, max] = this.limits;
    const name = k === null ? "Threshold T: accept where the winning logit is at least T" : `Threshold T of detector ${this.names[k]}`;
    const input = node("input", { type: "range", min, max, step: this.step, "aria-label": name, "data-testid": k === null ? "T" : `T-${k}` });
    const output = node("output", { "data-testid": k === null ? "T-value" : `T-value-${k}` });
    const words = k === null ? [node("span", { class: "words" }, ["Threshold "]), node("i", {}, ["T"])] : [node("i", {}, ["T"]), ...(this.names[k] === String(k) ? [sub(k)] : [` ${this.names[k]}`])];
    input.addEventListener("input", () => this.move(k, Number(input.value)));
    input.addEventListener("change", () => this.finish());
    return { row: node("label", { class: "threshold" }, [node("span", {}, words), input, output]), input, output };
  }

  move(k, value) {
    this.sliders[k ?? 0].output.textContent = signed(value, 1);
    if (k === null) this.T = value;
    else this.Tk[k] = value;
    if (k === null) this.thresholds.fill(value);
    else this.thresholds[k] = value;
    this.listener.moved();
  }

  finish() {
    // A held key changes the slider many times a second: Python hears of the last one.
    const { settings } = this;
    settings.T = plain(this.T);
    settings.Tk = this.Tk ? this.Tk.map(plain).join(",") : "";
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.listener.done({ ...settings }), PATIENCE);
  }

  describe(sentence) {
    for (const { input, output } of this.sliders) input.setAttribute("aria-valuetext", `${output.textContent}; ${sentence}`);
  }

  restrict(locked, hidden) {
    Object.assign(this, { locked, hidden });
    for (const select of this.selects) {
      select.disabled = locked.includes(select.dataset.setting);
      select.closest("label").hidden = hidden.includes(select.dataset.setting);
    }
    const name = this.settings.mode === "one" ? "T" : "Tk";
    for (const { input } of this.sliders) input.disabled = locked.includes(name);
    this.bar.hidden = hidden.includes(name);
  }
}

function plain(value) {
  return String(Number(value.toFixed(4)) + 0);
}
