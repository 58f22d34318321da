// The two curves: natural images accepted (and right) over attacked images that are fooled and accepted.

const RATES = {
  roc: { x: "false positive rate (eq. 8)", y: "true positive rate (eq. 7)", count: "accepted", words: "ROC curves" },
  classification: { x: "error on attacked images (eq. 15)", y: "accuracy on natural images (eq. 14)", count: "right", words: "Accuracy over error" },
};

class RatesChart {
  constructor(place, kind, data) {
    Object.assign(this, { place, kind, data, words: RATES[kind] });
    this.lines = Object.entries(data.classifiers).map(([name, parts]) => {
      const { x, y } = parts.curves[kind];
      return { name, x: unpack32(x), y: unpack32(y) };
    });
    this.n = unpackedLength(data.classifiers.generative.attacked.logits);
  }

  draw({ axis, span, mode }) {
    const width = Math.max(this.place.clientWidth, 200), height = Math.max(this.place.clientHeight, 160);
    const [left, right, top, bottom] = [46, width - 12, 10, height - 40];
    const zero = 0.5 / this.n, log = axis === "log";
    const [least, most] = log ? [Math.log10(0.8 * zero), Math.log10(1.2)] : [-0.02, 1.02];
    const [floor, ceiling] = span === "top" ? [0.898, 1.002] : [-0.02, 1.02];
    this.log = log;
    this.zero = zero;
    this.x = (rate) => left + (((log ? Math.log10(Math.max(rate, zero)) : rate) - least) / (most - least)) * (right - left);
    this.y = (rate) => bottom - ((rate - floor) / (ceiling - floor)) * (bottom - top);
    this.inside = (rate) => rate >= floor;
    const clip = `clip-${this.kind}`;
    const picture = svg("svg", {
      role: "img", viewBox: `0 0 ${width} ${height}`, width, height,
      "aria-label": `${this.words.words} of the generative and the integrated classifier. The point of the present threshold is on each.`,
    });
    picture.append(svg("clipPath", { id: clip }, [svg("rect", { x: left, y: top - 8, width: right - left, height: bottom - top + 16 })]));
    for (const rate of span === "top" ? [0.9, 0.92, 0.94, 0.96, 0.98, 1] : [0, 0.2, 0.4, 0.6, 0.8, 1]) {
      picture.append(svg("line", { class: "grid", x1: left, x2: right, y1: this.y(rate), y2: this.y(rate) }));
      picture.append(label(left - 6, this.y(rate) + 4, `${Math.round(100 * rate)}%`, "end"));
    }
    for (const rate of log ? [0, 0.001, 0.01, 0.1, 1].filter((rate) => !rate || rate >= 1 / this.n) : [0, 0.2, 0.4, 0.6, 0.8, 1]) {
      picture.append(svg("line", { class: "grid", x1: this.x(rate), x2: this.x(rate), y1: top, y2: bottom }));
      const text = !rate ? (log ? "0" : "0%") : `${Number((100 * rate).toPrecision(3))}%`;
      picture.append(label(this.x(rate), bottom + 15, text, "middle"));
    }
    picture.append(label((left + right) / 2, height - 4, this.words.x, "middle", "axis-title"));
    const title = label(0, 0, this.words.y, "middle", "axis-title");
    title.setAttribute("transform", `translate(11 ${(top + bottom) / 2}) rotate(-90)`);
    picture.append(title);
    const lines = svg("g", { "clip-path": `url(#${clip})`, opacity: mode === "one" ? 1 : 0.5 });
    for (const line of this.lines) lines.append(this.line(line, mode));
    this.points = svg("g", { "clip-path": `url(#${clip})` });
    picture.append(lines, this.robust(), this.points);
    this.place.replaceChildren(picture);
  }

  line({ name, x, y }, mode) {
    let path = "";
    for (let i = 0; i < x.length; i++) path += `${i ? "L" : "M"}${this.x(x[i]).toFixed(1)} ${this.y(y[i]).toFixed(1)}`;
    const look = { d: path, class: "main", style: `stroke:${this.data.looks[name].colour}`, "stroke-dasharray": DASHES[name] };
    const what = mode === "one" ? "every T" : "for comparison: one T for all classes";
    return svg("path", look, [svg("title", {}, [`${this.data.looks[name].label}, ${what}`])]);
  }

  robust() {
    const { accuracy, error } = this.data.robust;
    if (this.kind === "roc" || !this.inside(accuracy[0])) return svg("g"); // it accepts everything
    return svg("g", {}, [
      ...this.whiskers(error[0], accuracy[0], error.slice(1, 3), accuracy.slice(1, 3), this.data.looks.robust.colour),
      point("robust", this.x(error[0]), this.y(accuracy[0]), this.data.looks.robust.colour),
    ]);
  }

  move(counts) {
    const marks = [];
    for (const { name } of this.lines) {
      const { natural, attacked } = counts[name], hits = natural[this.words.count];
      const x = attacked.wrong / attacked.n, y = hits / natural.n, { colour } = this.data.looks[name];
      marks.push(...this.whiskers(x, y, wilson(attacked.wrong, attacked.n), wilson(hits, natural.n), colour));
      marks.push(point(name, this.x(x), this.y(y), colour));
    }
    this.points.replaceChildren(...marks);
  }

  whiskers(x, y, [left, right], [low, high], colour) {
    const style = `stroke:${colour};stroke-width:1.5`;
    return [
      svg("line", { x1: this.x(left), x2: this.x(right), y1: this.y(y), y2: this.y(y), style }),
      svg("line", { x1: this.x(x), x2: this.x(x), y1: this.y(low), y2: this.y(high), style }),
    ];
  }
}

const DASHES = { generative: "", integrated: "7 4" };

function point(name, x, y, colour) {
  const style = `fill:var(--st-background-color);stroke:${colour};stroke-width:3`;
  if (name === "generative") return svg("circle", { cx: x, cy: y, r: 6, style });
  if (name === "integrated") return svg("path", { d: `M${x} ${y - 8}l7.5 13h-15z`, style });
  let star = "";
  for (let i = 0; i < 10; i++) {
    const r = i % 2 ? 3.8 : 9, angle = (Math.PI * i) / 5;
    star += `${i ? "L" : "M"}${(x + r * Math.sin(angle)).toFixed(1)} ${(y - r * Math.cos(angle)).toFixed(1)}`;
  }
  return svg("path", { d: `${star}z`, style: `fill:${colour}` });
}

function unpackedLength(text) {
  return bytes(text).byteLength / 4;
}
