// One attacked model of the Compare page: its grid of samples x targets, and the marked cell enlarged, with its numbers.

class Model {
  constructor(data, view) {
    Object.assign(this, { data, view });
    this.images = unpack16(data.images);
    this.targets = view.data.targets;
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
    const { names, noun, rows, withArticle } = this.view.data, { pictures } = this.view;
    const heads = [node("span", { role: "columnheader", "aria-label": `natural ${noun}`, class: "x" }, ["x"])];
    for (const target of this.targets)
      heads.push(node("span", { role: "columnheader", "aria-label": `towards ${names[target]}`, title: names[target] }, [names[target]]));
    const grid = node("div", { class: "grid", role: "grid", "aria-label": `${this.data.title}: samples by targets. Arrow keys move.` }, [
      node("div", { class: this.targets.some((target) => names[target].length > 4) ? "row long" : "row", role: "row" }, heads),
    ]);
    this.cells = rows.map(({ index, y }, row) => {
      const natural = pictures.canvas({ "aria-hidden": "true" });
      pictures.show(natural, this.view.natural, row);
      const head = node("div", { class: "cell x", role: "rowheader", "aria-label": `image ${index}, ${withArticle[y]}` }, [natural]);
      const cells = this.targets.map((target, column) => this.cell(row, column, y === target));
      grid.append(node("div", { class: "row", role: "row" }, [head, ...cells.map((cell) => cell.element)]));
      return cells;
    });
    grid.style.setProperty("--columns", this.targets.length);
    grid.addEventListener("keydown", (event) => this.onKey(event));
    grid.addEventListener("pointerleave", () => this.view.preview(null));
    return grid;
  }

  cell(row, column, isOwn) {
    const canvas = this.view.pictures.canvas({ "aria-hidden": "true" }), target = this.targets[column];
    const element = node("div", { role: "gridcell", tabindex: -1, class: isOwn ? "cell own" : "cell", "data-cell": `${row}-${target}` }, [canvas]);
    element.addEventListener("focus", () => this.view.change({ row, target }));
    element.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && this.view.preview({ row, column }));
    return { element, canvas };
  }

  detail() {
    const picture = (name) => {
      const canvas = this.view.pictures.canvas({ role: "img", "aria-label": `${name}, enlarged` });
      return [canvas, node("figure", {}, [canvas, node("figcaption", {}, [name])])];
    };
    const [natural, one] = picture("Natural"), [perturbed, two] = picture("Perturbed"), [delta, three] = picture("Perturbation");
    this.facts = node("dl", { class: "facts", "data-testid": `facts-${this.data.key}` });
    const open = node("button", { type: "button", class: "open", "data-testid": `open-${this.data.key}`, "aria-label": `Open on the Attack page: ${this.data.title}` }, ["Open on the Attack page"]);
    open.addEventListener("click", () => this.view.open(this.data.key));
    Object.assign(this, { natural, perturbed, delta });
    return node("div", { class: "detail" }, [node("div", { class: "pictures" }, [one, two, three]), this.facts, open]);
  }

  at(row, column) {
    return row * this.targets.length + column;
  }

  paint(canvas, row, column, view) {
    const { bound, natural, pictures } = this.view, at = this.at(row, column);
    if (view === "perturbed") return pictures.show(canvas, this.images, at);
    return pictures.showSigned(canvas, this.images, at, natural, row, bound);
  }

  draw() {
    const { place } = this.view, { names, rows, withArticle } = this.view.data;
    this.cells.forEach((cells, row) => cells.forEach(({ element, canvas }, column) => {
      this.paint(canvas, row, column, place.view);
      const verdict = this.verdict(this.data.key, row, column);
      element.classList.toggle("fooled", verdict.fooled);
      element.classList.toggle("rejected", verdict.rejected === true);
      const [truth, target] = [withArticle[rows[row].y], names[this.targets[column]]];
      const text = `${truth} towards ${target}: ${this.numbers(row, column)}; ${verdict.words}`;
      element.setAttribute("aria-label", text);
      element.title = text;
    }));
  }

  numbers(row, column) {
    const i = this.at(row, column), { before, after, linf, l2 } = this.data;
    return `target logit ${signed(before[i], 2)} → ${signed(after[i], 2)}, L∞ ${linf[i].toFixed(3)}, L2 ${l2[i].toFixed(2)}`;
  }

  verdict(key, row, column) {
    // The two questions, always apart: is the decision wrong? is its logit below T?
    const { label, score } = this.data.verdicts[key], i = this.at(row, column), { names, rows, T } = this.view.data;
    const fooled = label[i] !== rows[row].y, rejected = score ? score[i] < T : null;
    const answer = rejected === null ? "cannot reject" : rejected ? `■ rejected (${signed(score[i], 2)} < T = ${signed(T, 1)})` : `○ accepted (${signed(score[i], 2)} ≥ T = ${signed(T, 1)})`;
    return { fooled, rejected, words: `decides ${names[label[i]]}, ${fooled ? "✗ fooled" : "✓ not fooled"}, ${answer}` };
  }

  show(row, column) {
    const { hover, pictures, data: shared } = this.view, i = this.at(row, column), marked = this.view.cell();
    this.cells.forEach((cells, r) => cells.forEach(({ element }, c) => {
      const isMarked = r === marked.row && c === marked.column;
      element.tabIndex = isMarked ? 0 : -1;
      element.setAttribute("aria-selected", String(isMarked));
      element.classList.toggle("hover", Boolean(hover) && r === row && c === column);
    }));
    pictures.show(this.natural, this.view.natural, row);
    this.paint(this.perturbed, row, column, "perturbed");
    this.paint(this.delta, row, column, "perturbation");
    const { before, after, linf, l2, verdicts } = this.data;
    const fact = (name, text, strong) => [node("dt", strong ? { class: "attacked" } : {}, [name]), node("dd", {}, [text])];
    this.facts.replaceChildren(
      ...fact(`Target logit z${sub(shared.names[this.targets[column]])}`, `${signed(before[i], 2)} → ${signed(after[i], 2)}`),
      ...fact("Perturbation", `L∞ ${linf[i].toFixed(3)}, L2 ${l2[i].toFixed(2)}`),
      ...Object.keys(verdicts).flatMap((key) => fact(shared.titles[key] + (key === this.data.key ? " (attacked)" : ""), this.verdict(key, row, column).words, key === this.data.key)),
    );
  }

  onKey(event) {
    if (event.altKey || event.metaKey) return;
    const { row, column } = this.view.cell(), end = this.targets.length - 1, last = this.cells.length - 1, far = event.ctrlKey;
    const moves = {
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      Home: [far ? 0 : row, 0],
      End: [far ? last : row, end],
    };
    if (event.key === "Enter") return event.preventDefault(), this.view.open(this.data.key);
    if (!moves[event.key]) return;
    event.preventDefault();
    const [r, c] = moves[event.key];
    this.view.hover = null;
    this.cells[Math.min(Math.max(r, 0), last)][Math.min(Math.max(c, 0), end)].element.focus();
  }
}
