// One attacked model of the Compare page: its grid of samples x targets, and the marked cell enlarged, with its numbers.

class Model {
  constructor(data, view) {
    Object.assign(this, { data, view });
    this.images = unpack16(data.images);
    this.classes = view.data.classes;
    this.element = node("article", { class: "model", "data-testid": `model-${data.key}` });
    this.element.style.setProperty("--fooled", view.data.colours.fooled);
    this.element.style.setProperty("--rejected", view.data.colours.rejected);
    const swatch = node("span", { class: "swatch", style: `background:${data.colour}`, "aria-hidden": "true" });
    this.element.append(
      node("header", {}, [node("h3", {}, [swatch, data.title]), node("p", { class: "about" }, [data.about])]),
      this.grid(),
      node("p", { class: "summary", "data-testid": `summary-${data.key}` }, [data.summary]),
      this.detail(),
    );
  }

  grid() {
    const { rows } = this.view.data;
    const heads = [node("span", { role: "columnheader", "aria-label": "natural digit", class: "x" }, ["x"])];
    for (let t = 0; t < this.classes; t++) heads.push(node("span", { role: "columnheader", "aria-label": `towards ${t}` }, [String(t)]));
    const grid = node("div", { class: "grid", role: "grid", "aria-label": `${this.data.title}: digits by targets. Arrow keys move.` }, [
      node("div", { class: "row", role: "row" }, heads),
    ]);
    this.cells = rows.map(({ index, y }, row) => {
      const natural = node("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
      grey(natural, this.view.natural, row * SIDE * SIDE);
      const head = node("div", { class: "cell x", role: "rowheader", "aria-label": `image ${index}, a ${y}` }, [natural]);
      const cells = Array.from({ length: this.classes }, (_, target) => this.cell(row, target, y));
      grid.append(node("div", { class: "row", role: "row" }, [head, ...cells.map((cell) => cell.element)]));
      return cells;
    });
    grid.addEventListener("keydown", (event) => this.onKey(event));
    grid.addEventListener("pointerleave", () => this.view.preview(null));
    return grid;
  }

  cell(row, target, y) {
    const canvas = node("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    const element = node("div", { role: "gridcell", tabindex: -1, class: y === target ? "cell own" : "cell", "data-cell": `${row}-${target}` }, [canvas]);
    element.addEventListener("focus", () => this.view.change({ row, target }));
    element.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && this.view.preview({ row, target }));
    return { element, canvas };
  }

  detail() {
    const picture = (name) => {
      const canvas = node("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": `${name}, enlarged` });
      return [canvas, node("figure", {}, [canvas, node("figcaption", {}, [name])])];
    };
    const [natural, one] = picture("Natural"), [perturbed, two] = picture("Perturbed"), [delta, three] = picture("Perturbation");
    this.facts = node("dl", { class: "facts", "data-testid": `facts-${this.data.key}` });
    const open = node("button", { type: "button", class: "open", "data-testid": `open-${this.data.key}`, "aria-label": `Open on the Attack page: ${this.data.title}` }, ["Open on the Attack page"]);
    open.addEventListener("click", () => this.view.open(this.data.key));
    Object.assign(this, { natural, perturbed, delta });
    return node("div", { class: "detail" }, [node("div", { class: "pictures" }, [one, two, three]), this.facts, open]);
  }

  at(row, target) {
    return row * this.classes + target;
  }

  paint(canvas, row, target, view) {
    const from = this.at(row, target) * SIDE * SIDE;
    if (view === "perturbed") return grey(canvas, this.images, from);
    const natural = this.view.natural.subarray(row * SIDE * SIDE, (row + 1) * SIDE * SIDE);
    return signedPicture(canvas, this.images, from, natural, this.view.bound, this.view.data.colours);
  }

  draw() {
    const { data: shared, place } = this.view;
    this.cells.forEach((cells, row) => cells.forEach(({ element, canvas }, target) => {
      this.paint(canvas, row, target, place.view);
      const verdict = this.verdict(this.data.key, row, target);
      element.classList.toggle("fooled", verdict.fooled);
      element.classList.toggle("rejected", verdict.rejected === true);
      const text = `a ${shared.rows[row].y} towards ${target}: ${this.numbers(row, target)}; ${verdict.words}`;
      element.setAttribute("aria-label", text);
      element.title = text;
    }));
  }

  numbers(row, target) {
    const i = this.at(row, target), { before, after, linf, l2 } = this.data;
    return `target logit ${signed(before[i], 2)} → ${signed(after[i], 2)}, L∞ ${linf[i].toFixed(3)}, L2 ${l2[i].toFixed(2)}`;
  }

  verdict(key, row, target) {
    // The two questions, always apart: is the decision wrong? is its logit below T?
    const { label, score } = this.data.verdicts[key], i = this.at(row, target), { rows, T } = this.view.data;
    const fooled = label[i] !== rows[row].y, rejected = score ? score[i] < T : null;
    const answer = rejected === null ? "cannot reject" : rejected ? `■ rejected (${signed(score[i], 2)} < T = ${signed(T, 1)})` : `○ accepted (${signed(score[i], 2)} ≥ T = ${signed(T, 1)})`;
    return { fooled, rejected, words: `decides ${label[i]}, ${fooled ? "✗ fooled" : "✓ not fooled"}, ${answer}` };
  }

  show(row, target) {
    const { place, hover, data: shared } = this.view, i = this.at(row, target);
    this.cells.forEach((cells, r) => cells.forEach(({ element }, t) => {
      const isMarked = r === place.row && t === place.target;
      element.tabIndex = isMarked ? 0 : -1;
      element.setAttribute("aria-selected", String(isMarked));
      element.classList.toggle("hover", Boolean(hover) && r === row && t === target);
    }));
    grey(this.natural, this.view.natural, row * SIDE * SIDE);
    this.paint(this.perturbed, row, target, "perturbed");
    this.paint(this.delta, row, target, "perturbation");
    const { before, after, linf, l2, verdicts } = this.data;
    const fact = (name, text, strong) => [node("dt", strong ? { class: "attacked" } : {}, [name]), node("dd", {}, [text])];
    this.facts.replaceChildren(
      ...fact(`Target logit z${sub(target)}`, `${signed(before[i], 2)} → ${signed(after[i], 2)}`),
      ...fact("Perturbation", `L∞ ${linf[i].toFixed(3)}, L2 ${l2[i].toFixed(2)}`),
      ...Object.keys(verdicts).flatMap((key) => fact(shared.names[key] + (key === this.data.key ? " (attacked)" : ""), this.verdict(key, row, target).words, key === this.data.key)),
    );
  }

  onKey(event) {
    if (event.altKey || event.metaKey) return;
    const { row, target } = this.view.place, end = this.classes - 1, last = this.cells.length - 1, far = event.ctrlKey;
    const moves = {
      ArrowLeft: [row, target - 1],
      ArrowRight: [row, target + 1],
      ArrowUp: [row - 1, target],
      ArrowDown: [row + 1, target],
      Home: [far ? 0 : row, 0],
      End: [far ? last : row, end],
    };
    if (event.key === "Enter") return event.preventDefault(), this.view.open(this.data.key);
    if (!moves[event.key]) return;
    event.preventDefault();
    const [r, t] = moves[event.key];
    this.view.hover = null;
    this.cells[Math.min(Math.max(r, 0), last)][Math.min(Math.max(t, 0), end)].element.focus();
  }
}
