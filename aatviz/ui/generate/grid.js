// One model of the Generate page: its grid of classes x samples, and the marked image enlarged, with its numbers.

class Grid {
  constructor(data, place, view) {
    Object.assign(this, { data, place, view, frame: 0 });
    const swatch = node("span", { class: "swatch", style: `background:${data.colour}`, "aria-hidden": "true" });
    const head = node("header", {}, [node("h3", {}, [swatch, data.title]), node("p", { class: "about" }, [data.about])]);
    this.element = node("article", { class: "column", "data-testid": `model-${data.key}` }, [head, this.grid(), this.detail()]);
  }

  grid() {
    const { names, targets, count } = this.view.data;
    const label = `${this.data.title}: a row a class, a column a sample. Arrow keys move.`;
    const grid = node("div", { role: "grid", "aria-label": label });
    this.cells = targets.map((target, row) => {
      const cells = Array.from({ length: count }, (_, sample) => this.cell(row, sample));
      const head = node("span", { role: "rowheader", "aria-label": `towards ${names[target]}`, title: names[target] }, [names[target]]);
      const kind = this.view.data.columns < count ? "row wrapped" : "row";
      grid.append(node("div", { class: kind, role: "row" }, [head, ...cells.map((cell) => cell.element)]));
      return cells;
    });
    grid.addEventListener("keydown", (event) => this.onKey(event));
    return grid;
  }

  cell(row, sample) {
    const { names, targets } = this.view.data, target = targets[row];
    const canvas = this.view.pictures.canvas({ "aria-hidden": "true" });
    const element = node("div", { role: "gridcell", tabindex: -1, class: "cell", "data-cell": `${target}-${sample}` }, [canvas]);
    const text = `towards ${names[target]}, sample ${sample}: ${this.numbers(row, sample)}; ${this.verdict(row, sample)}`;
    element.setAttribute("aria-label", text);
    element.title = text;
    element.addEventListener("focus", () => this.view.choose(target, sample));
    return { element, canvas };
  }

  detail() {
    this.large = this.view.pictures.canvas({ role: "img", "aria-label": "the marked image, enlarged" });
    this.facts = node("dl", { class: "facts", "data-testid": `facts-${this.data.key}` });
    const open = node("button", { type: "button", class: "open", "data-testid": `open-${this.data.key}` }, ["Attack this image"]);
    open.setAttribute("aria-label", `Attack this image of the ${this.data.title.toLowerCase()}`);
    open.addEventListener("click", () => this.view.open(this.data.key));
    return node("div", { class: "detail" }, [this.large, node("div", {}, [this.facts, open])]);
  }

  numbers(row, sample) {
    const { before, after } = this.data;
    return `target logit ${signed(before[row][sample], 1)} → ${signed(after[row][sample], 1)}`;
  }

  verdict(row, sample) {
    const { judgedNoise, names, targets } = this.view.data, result = this.data.judged[row][sample];
    const mark = result === targets[row] ? "✓" : "✗";
    return `the judge sees ${names[judgedNoise[row][sample]]} in the noise, ${names[result]} in the result ${mark}`;
  }

  draw(frame) {
    this.frame = frame;
    const { judgedNoise, steps, targets } = this.view.data;
    const judged = frame === 0 ? judgedNoise : frame === steps.length - 1 ? this.data.judged : null;
    this.cells.forEach((cells, row) => cells.forEach(({ element, canvas }, sample) => {
      this.view.paint(canvas, this.place, frame, row, sample);
      element.classList.toggle("missed", judged !== null && judged[row][sample] !== targets[row]);
    }));
    this.enlarge();
  }

  mark(row, sample) {
    this.cells.forEach((cells, r) => cells.forEach(({ element }, i) => {
      const isMarked = r === row && i === sample;
      element.tabIndex = isMarked ? 0 : -1;
      element.setAttribute("aria-selected", String(isMarked));
    }));
    const fact = (name, text) => [node("dt", {}, [name]), node("dd", {}, [text])];
    const { names, plural, targets } = this.view.data, { low, median } = this.data, name = names[targets[row]];
    const natural = low[row] === null ? "none in the sample" : `median ${signed(median[row], 1)}; 95 of 100 above ${signed(low[row], 1)}`;
    this.facts.replaceChildren(
      ...fact(`Logit of class ${name}, noise → result`, this.numbers(row, sample).replace("target logit ", "")),
      ...fact(`Natural ${plural} of class ${name}`, natural),
      ...fact("The judge", this.verdict(row, sample).replace("the judge ", "")),
    );
    this.enlarge();
  }

  enlarge() {
    const { target, sample } = this.view.place;
    if (this.view.sprite.complete) this.view.paint(this.large, this.place, this.frame, this.view.row(target), sample);
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { target, sample } = this.view.place, row = this.view.row(target), end = this.view.data.count - 1, last = this.cells.length - 1;
    const { columns, count } = this.view.data;
    const down = columns < count ? [0, columns] : [1, 0]; // the samples of one class stand below one another
    const moves = {
      ArrowLeft: [row, sample - 1],
      ArrowRight: [row, sample + 1],
      ArrowUp: [row - down[0], sample - down[1]],
      ArrowDown: [row + down[0], sample + down[1]],
      Home: [row, 0],
      End: [row, end],
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    const [r, i] = moves[event.key];
    this.cells[Math.min(Math.max(r, 0), last)][Math.min(Math.max(i, 0), end)].element.focus();
  }
}

// The noise that all models start from, as it was, beside what they make of it.
class Seeds extends Grid {
  constructor(data, place, view) {
    super({ ...data, key: "seeds", title: "The seeds, untouched", about: "The noise that all of them start from.", colour: "transparent" }, place, view);
    this.element.querySelector(".open").remove();
  }

  numbers(row, sample) {
    return `the detector's logit ${signed(this.data.before[row][sample], 1)}`;
  }

  verdict(row, sample) {
    const { judgedNoise, names } = this.view.data;
    return `the judge sees ${names[judgedNoise[row][sample]]}`;
  }

  draw() {
    super.draw(0);
  }
}
