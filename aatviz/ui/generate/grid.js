// One model of the Generate page: its grid of classes x samples, and the marked image enlarged, with its numbers.

class Grid {
  constructor(data, place, view) {
    Object.assign(this, { data, place, view, frame: 0 });
    const swatch = node("span", { class: "swatch", style: `background:${data.colour}`, "aria-hidden": "true" });
    const head = node("header", {}, [node("h3", {}, [swatch, data.title]), node("p", { class: "about" }, [data.about])]);
    this.element = node("article", { class: "column", "data-testid": `model-${data.key}` }, [head, this.grid(), this.detail()]);
  }

  grid() {
    const { classes, count } = this.view.data;
    const label = `${this.data.title}: a row a class, a column a sample. Arrow keys move.`;
    const grid = node("div", { role: "grid", "aria-label": label });
    this.cells = Array.from({ length: classes }, (_, target) => {
      const cells = Array.from({ length: count }, (_, sample) => this.cell(target, sample));
      const head = node("span", { role: "rowheader", "aria-label": `towards ${target}` }, [String(target)]);
      grid.append(node("div", { class: "row", role: "row" }, [head, ...cells.map((cell) => cell.element)]));
      return cells;
    });
    grid.addEventListener("keydown", (event) => this.onKey(event));
    return grid;
  }

  cell(target, sample) {
    const canvas = node("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    const element = node("div", { role: "gridcell", tabindex: -1, class: "cell", "data-cell": `${target}-${sample}` }, [canvas]);
    const text = `towards ${target}, sample ${sample}: ${this.numbers(target, sample)}; ${this.verdict(target, sample)}`;
    element.setAttribute("aria-label", text);
    element.title = text;
    element.addEventListener("focus", () => this.view.choose(target, sample));
    return { element, canvas };
  }

  detail() {
    this.large = node("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": "the marked image, enlarged" });
    this.facts = node("dl", { class: "facts", "data-testid": `facts-${this.data.key}` });
    const open = node("button", { type: "button", class: "open", "data-testid": `open-${this.data.key}` }, ["Attack this image"]);
    open.setAttribute("aria-label", `Attack this image of the ${this.data.title.toLowerCase()}`);
    open.addEventListener("click", () => this.view.open(this.data.key));
    return node("div", { class: "detail" }, [this.large, node("div", {}, [this.facts, open])]);
  }

  numbers(target, sample) {
    const { before, after } = this.data;
    return `target logit ${signed(before[target][sample], 1)} → ${signed(after[target][sample], 1)}`;
  }

  verdict(target, sample) {
    const noise = this.view.data.judgedNoise[target][sample], result = this.data.judged[target][sample];
    return `the judge sees ${noise} in the noise, ${result} in the result ${result === target ? "✓" : "✗"}`;
  }

  draw(frame) {
    this.frame = frame;
    const { judgedNoise, steps } = this.view.data;
    const judged = frame === 0 ? judgedNoise : frame === steps.length - 1 ? this.data.judged : null;
    this.cells.forEach((cells, target) => cells.forEach(({ element, canvas }, sample) => {
      this.view.paint(canvas, this.place, frame, target, sample);
      element.classList.toggle("missed", judged !== null && judged[target][sample] !== target);
    }));
    this.enlarge();
  }

  mark(target, sample) {
    this.cells.forEach((cells, t) => cells.forEach(({ element }, i) => {
      const isMarked = t === target && i === sample;
      element.tabIndex = isMarked ? 0 : -1;
      element.setAttribute("aria-selected", String(isMarked));
    }));
    const fact = (name, text) => [node("dt", {}, [name]), node("dd", {}, [text])];
    const { low, median } = this.data;
    this.facts.replaceChildren(
      ...fact(`Logit of class ${target}, noise → result`, this.numbers(target, sample).replace("target logit ", "")),
      ...fact(`Natural digits of class ${target}`, `median ${signed(median[target], 1)}; 95 of 100 above ${signed(low[target], 1)}`),
      ...fact("The judge", this.verdict(target, sample).replace("the judge ", "")),
    );
    this.enlarge();
  }

  enlarge() {
    const { target, sample } = this.view.place;
    if (this.view.sprite.complete) this.view.paint(this.large, this.place, this.frame, target, sample);
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { target, sample } = this.view.place, end = this.view.data.count - 1, last = this.cells.length - 1;
    const moves = {
      ArrowLeft: [target, sample - 1],
      ArrowRight: [target, sample + 1],
      ArrowUp: [target - 1, sample],
      ArrowDown: [target + 1, sample],
      Home: [target, 0],
      End: [target, end],
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    const [t, i] = moves[event.key];
    this.cells[Math.min(Math.max(t, 0), last)][Math.min(Math.max(i, 0), end)].element.focus();
  }
}
