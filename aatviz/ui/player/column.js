// One attacked victim in the player: its pictures, its verdicts and its chart of logits.

class Column {
  // One attacked victim: its pictures, its verdicts and its logits.
  constructor(data, shared, goTo) {
    Object.assign(this, { data, shared, goTo, T: shared.T, step: 0 });
    this.natural = unpack16(data.natural);
    this.images = unpack16(data.images);
    this.logits = unpack32(data.logits);
    this.last = data.loss.length - 1;
    this.element = node("article", { class: "column", "data-testid": `column-${data.key}` });
    const left = node("div", {}, [this.heading(), this.pictures(), this.verdicts()]);
    const right = node("div", {}, [this.legend(), (this.chart = node("div", { class: "chart", "data-testid": `chart-${data.key}` }))]);
    this.element.append(left, right);
    const scrub = (event) => event.buttons && this.goTo(this.stepAt(event));
    this.chart.addEventListener("pointerdown", (event) => (this.chart.setPointerCapture(event.pointerId), scrub(event)));
    this.chart.addEventListener("pointermove", scrub);
  }

  heading() {
    const swatch = node("span", { class: "swatch", style: `background:${this.data.colour}`, "aria-hidden": "true" });
    const title = node("h3", {}, [swatch, this.data.title]);
    return node("header", {}, [title, node("p", { class: "about" }, [this.data.about])]);
  }

  pictures() {
    const { names, pictures, headings, y } = this.shared;
    const picture = (name, ...caption) => {
      const canvas = pictures.canvas({ role: "img", "aria-label": name });
      return [canvas, node("figure", {}, [canvas, node("figcaption", {}, [node("b", {}, [name]), ...caption])])];
    };
    this.perturbedNote = node("span");
    this.norms = node("span", { "data-testid": `norms-${this.data.key}` });
    const bar = node("div", { class: "scale", style: pictures.scale(), "aria-hidden": "true" });
    const bound = boundText(this.data.scale);
    const ticks = node("div", { class: "ticks" }, [`−${bound}`, "0", `+${bound}`].map((text) => node("span", {}, [text])));
    const [original, one] = picture(headings[0], node("span", {}, [`true class ${names[y]}`]));
    const [perturbed, two] = picture(headings[1], this.perturbedNote);
    const [delta, three] = picture(headings[2], this.norms);
    three.append(bar, ticks);
    pictures.show(original, this.natural, 0);
    Object.assign(this, { perturbed, delta });
    return node("div", { class: "pictures" }, [one, two, three]);
  }

  verdicts() {
    const verdict = (name, question, colour) => {
      const parts = { answer: node("span", { class: "answer" }), why: node("span", { class: "why" }) };
      parts.box = node(
        "div",
        { class: "verdict", style: `--mark:${colour}`, "data-testid": `verdict-${name}-${this.data.key}` },
        [node("span", { class: "question" }, [question]), parts.answer, parts.why],
      );
      return parts;
    };
    this.fooled = verdict("fooled", "Fooled?", this.shared.colours.fooled);
    this.rejected = verdict("rejected", "Rejected?", this.shared.colours.rejected);
    return node("div", { class: "verdicts" }, [this.fooled.box, this.rejected.box]);
  }

  legend() {
    const { colours, names, y } = this.shared;
    const rows = this.data.lines.includes(y) ? [[`true class ${names[y]}`, colours.natural, "", "circle"]] : [];
    if (this.data.towards !== null && this.data.towards !== y)
      rows.push([`${this.data.towardsLabel} ${names[this.data.towards]}`, colours.perturbed, "7 4", "diamond"]);
    if (this.data.rejects) rows.push(["threshold T", colours.threshold, "12 4", null]);
    const left = names.length - this.data.lines.length;
    if (this.data.lines.length > rows.filter(([, , , mark]) => mark).length) rows.push([left ? `other classes, those of the highest logits; ${left} are not drawn` : "other classes", "var(--quiet)", "", null]);
    return node("div", { class: "legend" }, rows.map(([label, colour, dash, mark], index) => {
      const width = index === rows.length - 1 ? 1 : 2.6;
      const icon = svg("svg", { viewBox: "0 0 30 12", "aria-hidden": "true" }, [
        svg("line", { x1: 0, x2: 30, y1: 6, y2: 6, style: `stroke:${colour};stroke-width:${width}`, "stroke-dasharray": dash }),
      ]);
      if (mark) icon.append(symbol(mark, 15, 6, colour));
      return node("span", {}, [icon, label]);
    }));
  }

  draw() {
    // The axes and the lines; what moves with the step and with T is drawn over them.
    const { lines } = this.data;
    const width = Math.max(this.chart.clientWidth, 200), height = Math.max(this.chart.clientHeight, 160);
    const longest = Math.max(...lines.map((k) => this.nameOf(k).length));
    this.box = { left: 46, right: width - 15 - 7 * longest, top: 12, bottom: height - 42 };
    const { left, right, top, bottom } = this.box;
    let low = Infinity, high = -Infinity;
    for (let step = 0; step <= this.last; step++)
      for (const k of lines) {
        low = Math.min(low, this.logit(step, k));
        high = Math.max(high, this.logit(step, k));
      }
    const room = Math.max((high - low) * 0.06, 0.5);
    low -= room;
    high += room;
    this.domain = [low, high];
    this.x = (step) => left + (this.last ? step / this.last : 0) * (right - left);
    this.yOf = (logit) => bottom - ((logit - low) / (high - low)) * (bottom - top);
    const picture = svg("svg", { role: "img", "aria-label": `${this.data.logitName} of ${lines.length === 1 ? "one class" : `${lines.length} classes`} by attack step` });
    for (const tick of ticks(low, high, height > 200 ? 6 : 4)) {
      picture.append(svg("line", { class: "grid", x1: left, x2: right, y1: this.yOf(tick), y2: this.yOf(tick) }));
      picture.append(label(left - 7, this.yOf(tick) + 4, signed(tick, 1).replace(".0", ""), "end"));
    }
    for (const tick of ticks(0, this.last, width > 420 ? 6 : 4).filter(Number.isInteger))
      picture.append(label(this.x(tick), bottom + 17, String(tick), "middle"));
    picture.append(label((left + right) / 2, height - 4, "attack step", "middle", "axis-title"));
    const title = label(0, 0, this.data.logitName, "middle", "axis-title");
    title.setAttribute("transform", `translate(12 ${(top + bottom) / 2}) rotate(-90)`);
    picture.append(title);
    const order = [...lines].sort((a, b) => this.rankOf(a) - this.rankOf(b));
    for (const k of order) picture.append(this.line(k));
    picture.append(...this.endLabels());
    const kept = this.x(this.data.kept);
    picture.append(svg("path", { d: `M${kept} ${bottom + 1}l-5 7h10z`, style: "fill:var(--st-text-color)" },
      [svg("title", {}, [`step ${this.data.kept}: the iterate of least loss, which the attack returns`])]));
    this.limit = svg("g");
    this.marker = svg("g");
    picture.append(this.limit, this.marker);
    this.chart.replaceChildren(picture);
  }

  nameOf(k) {
    return shortened(this.shared.names[k], 12);
  }

  rankOf(k) {
    return k === this.data.towards ? 2 : k === this.shared.y ? 1 : 0;
  }

  styleOf(k) {
    const { colours, y } = this.shared;
    if (k === y) return { colour: colours.natural, dash: "", mark: "circle" };
    if (k === this.data.towards) return { colour: colours.perturbed, dash: "7 4", mark: "diamond" };
    return null;
  }

  line(k) {
    let path = "";
    for (let step = 0; step <= this.last; step++)
      path += `${step ? "L" : "M"}${this.x(step).toFixed(1)} ${this.yOf(this.logit(step, k)).toFixed(1)}`;
    const style = this.styleOf(k);
    const look = style
      ? { class: "main", style: `stroke:${style.colour}`, "stroke-dasharray": style.dash }
      : { class: "other" };
    return svg("path", { d: path, ...look }, [svg("title", {}, [`class ${this.shared.names[k]}`])]);
  }

  endLabels() {
    // Each line's class at its right end, moved apart where they would cover each other.
    const gap = 11, { right, top, bottom } = this.box;
    const ends = this.data.lines
      .map((k) => ({ k, at: this.yOf(this.logit(this.last, k)) }))
      .sort((a, b) => a.at - b.at);
    for (let i = 1; i < ends.length; i++) ends[i].at = Math.max(ends[i].at, ends[i - 1].at + gap);
    const over = ends[ends.length - 1].at - bottom;
    if (over > 0) {
      ends[ends.length - 1].at = bottom;
      for (let i = ends.length - 2; i >= 0; i--) ends[i].at = Math.min(ends[i].at, ends[i + 1].at - gap);
    }
    return ends.map(({ k, at }) => {
      const style = this.styleOf(k);
      const text = label(right + 9, Math.max(at, top - 6) + 4, this.nameOf(k), "start", style ? "" : "quiet");
      if (style) text.setAttribute("style", `fill:${style.colour};font-weight:700;font-size:13px`);
      return text;
    });
  }

  setThreshold(T) {
    this.T = T;
    if (!this.data.rejects) return this.judge();
    const { left, right, top, bottom } = this.box, colour = this.shared.colours.threshold;
    const [low, high] = this.domain;
    const y = this.yOf(Math.min(Math.max(T, low), high));
    const arrow = T > high ? " ↑" : T < low ? " ↓" : "";
    const under = y - 6 < top + 6;
    const text = label(left + 6, under ? y + 15 : y - 5, `T = ${signed(T, 1)}${arrow}`, "start");
    text.setAttribute("style", `fill:${colour};font-weight:600;paint-order:stroke;stroke:var(--st-background-color);stroke-width:3px`);
    const line = svg("line", { x1: left, x2: right, y1: y, y2: y, style: `stroke:${colour};stroke-width:2`, "stroke-dasharray": "12 4" });
    this.limit.replaceChildren(...(arrow ? [text] : [line, text]));
    return this.judge();
  }

  show(step) {
    this.step = Math.min(step, this.last);
    const { pictures } = this.shared, at = this.data.frames.findLastIndex((frame) => frame <= this.step);
    pictures.show(this.perturbed, this.images, at);
    pictures.showSigned(this.delta, this.images, at, this.natural, 0, this.data.scale);
    const isKept = this.step === this.data.kept;
    this.perturbedNote.textContent = isKept ? "the attack’s result" : `at step ${this.data.frames[at]}`;
    this.norms.replaceChildren(`L∞ ${this.data.linf[this.step].toFixed(3)}`, node("br"), `L2 ${this.data.l2[this.step].toFixed(2)}`);
    const x = this.x(this.step), { top, bottom } = this.box;
    const marks = [this.shared.y, this.data.towards].filter((k) => this.data.lines.includes(k)).map((k) => {
      const style = this.styleOf(k);
      return symbol(style.mark, x, this.yOf(this.logit(this.step, k)), style.colour);
    });
    this.marker.replaceChildren(svg("line", { class: "now", x1: x, x2: x, y1: top, y2: bottom }), ...marks);
    this.judge();
  }

  judge() {
    // The two verdicts, always apart: the decision without T, and the reject option with it.
    const { data, T } = this, { names, y } = this.shared;
    if (data.detector !== null) return this.judgeDetector();
    const label = data.predicted[this.step];
    const fooled = label !== y;
    this.answer(this.fooled, fooled, fooled ? "✗ yes" : "✓ no", `decides ${names[label]}, the truth is ${names[y]}`);
    if (!data.rejects) return this.answer(this.rejected, null, "– cannot reject", "this classifier has no reject option");
    const score = data.score[this.step], rejected = score < T;
    const why = `z(h${sub(names[label])}) = ${signed(score, 2)} ${rejected ? "<" : "≥"} T = ${signed(T, 1)}`;
    return this.answer(this.rejected, rejected, rejected ? "■ yes" : "○ no, accepted", why);
  }

  judgeDetector() {
    const { data, T } = this, { names, withArticle, y } = this.shared, k = data.detector, [truth, claimed] = [names[y], withArticle[k]];
    const score = data.score[this.step], rejected = score < T;
    const fooled = !rejected && k !== y;
    const claim = k === y ? `it is ${claimed}: nothing to be fooled about` : rejected ? `does not take this ${truth} for ${claimed}` : `takes this ${truth} for ${claimed}`;
    this.answer(this.fooled, fooled, fooled ? "✗ yes" : "✓ no", claim);
    const why = `z(h${sub(names[k])}) = ${signed(score, 2)} ${rejected ? "<" : "≥"} T = ${signed(T, 1)}`;
    return this.answer(this.rejected, rejected, rejected ? "■ yes" : "○ no, accepted", why);
  }

  answer(parts, value, text, why) {
    parts.box.dataset.value = value === null ? "none" : value ? "yes" : "no";
    parts.answer.textContent = text;
    parts.why.textContent = why;
  }

  logit(step, k) {
    return this.logits[step * this.shared.names.length + k];
  }

  stepAt(event) {
    const { left, right } = this.box;
    const at = event.clientX - this.chart.getBoundingClientRect().left;
    return Math.round(((at - left) / (right - left)) * this.last);
  }
}
