// The winning logits as two histograms, natural above attacked, split by what becomes of the images at T.

class Histograms {
  constructor(place, data) {
    Object.assign(this, { place, data });
    const [low, high] = data.limits;
    const width = [0.2, 0.5, 1, 2, 5].find((step) => (high - low) / step <= 66) ?? (high - low) / 66;
    const bins = Math.max(Math.round((high - low) / width), 1);
    this.edges = Array.from({ length: bins + 1 }, (_, b) => low + (b * (high - low)) / bins);
  }

  draw(scores) {
    this.scores = scores;
    const width = Math.max(this.place.clientWidth, 200), height = Math.max(this.place.clientHeight, 160);
    const [left, right] = [40, width - 12], [low, high] = this.data.limits, middle = (height - 40) / 2 + 6;
    this.x = (logit) => left + ((logit - low) / (high - low)) * (right - left);
    this.box = { left, right, top: 26, bottom: height - 40 };
    const picture = svg("svg", {
      role: "img", viewBox: `0 0 ${width} ${height}`, width, height,
      "aria-label": "Histograms of the winning logits of natural and of attacked images, cut at the threshold.",
    });
    picture.append(this.patterns());
    this.rows = [
      this.row(picture, "natural", [26, middle - 6], [["accepted", "natural", ""], ["rejected", "rejected", "url(#stripes)"]]),
      this.row(picture, "attacked", [middle + 8, height - 40], [
        ["right", "perturbed", ""], ["wrong", "fooled", "url(#crosses)"], ["rejected", "rejected", "url(#stripes)"],
      ]),
    ];
    for (const tick of ticks(low, high, width > 420 ? 8 : 5)) picture.append(label(this.x(tick), height - 25, `${tick === low ? "≤ " : ""}${signed(tick, 0)}`, "middle"));
    picture.append(label((left + right) / 2, height - 4, "logit of the winning class, z", "middle", "axis-title"));
    this.limit = svg("g");
    picture.append(this.limit);
    this.place.replaceChildren(picture);
  }

  patterns() {
    const line = (d) => svg("path", { d, style: "stroke:var(--st-background-color);stroke-width:1.4;fill:none" });
    const pattern = (id, d) => svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, [line(d)]);
    return svg("defs", {}, [pattern("stripes", "M-1 7L7 -1M-1 1L1 -1M5 7L7 5"), pattern("crosses", "M0 0L6 6M6 0L0 6")]);
  }

  legend() {
    const { colours } = this.data;
    const icon = (...parts) => svg("svg", { viewBox: "0 0 30 12", "aria-hidden": "true" }, [this.patterns(), ...parts]);
    const box = (fill) => svg("rect", { width: 30, height: 12, style: `fill:${fill}` });
    const line = svg("line", { x1: 0, x2: 30, y1: 6, y2: 6, style: `stroke:${colours.threshold};stroke-width:2.5`, "stroke-dasharray": "12 4" });
    const rows = [
      [[box(colours.natural)], "natural, accepted"],
      [[box(colours.perturbed)], "attacked, accepted, still right"],
      [[box(colours.fooled), box("url(#crosses)")], "attacked, accepted, fooled"],
      [[box(colours.rejected), box("url(#stripes)")], "rejected"],
      [[line], "threshold"],
    ];
    return rows.map(([parts, words]) => node("span", {}, [icon(...parts), words]));
  }

  row(picture, name, [top, bottom], series) {
    // One histogram: its axis, and for each outcome a path of bars with its hatch over it.
    const scores = this.scores[name];
    scores.bin(this.edges);
    const { right, wrong } = scores.binned(scores.classes.map(() => -Infinity));
    const peak = (1.08 * Math.max(...right.map((count, b) => count + wrong[b]))) / scores.n;
    const y = (share) => bottom - (share / peak) * (bottom - top);
    for (const tick of ticks(0, peak, 3)) {
      picture.append(svg("line", { class: "grid", x1: this.box.left, x2: this.box.right, y1: y(tick), y2: y(tick) }));
      picture.append(label(this.box.left - 5, y(tick) + 4, `${Number((100 * tick).toPrecision(3))}%`, "end"));
    }
    const layers = series.map(([outcome, colour, hatch]) => {
      const fills = [`fill:${this.data.colours[colour]}`, ...(hatch ? [`fill:${hatch}`] : [])];
      const bars = fills.map((style) => svg("path", { style }));
      picture.append(...bars);
      return { outcome, bars };
    });
    picture.append(label(this.box.right, top + 10, `${name} (${scores.n.toLocaleString("en")})`, "end", "quiet"));
    return { scores, layers, y };
  }

  move(thresholds, one) {
    for (const { scores, layers, y } of this.rows) {
      const { right, wrong, rejected } = scores.binned(thresholds);
      const counts = { right, wrong, rejected, accepted: right.map((count, b) => count + wrong[b]) };
      const base = new Float64Array(scores.bins);
      for (const { outcome, bars } of layers) {
        let path = "";
        for (let b = 0; b < scores.bins; b++) {
          if (!counts[outcome][b]) continue;
          const from = y(base[b] / scores.n), to = y((base[b] + counts[outcome][b]) / scores.n);
          base[b] += counts[outcome][b];
          path += `M${this.x(this.edges[b]).toFixed(1)} ${from.toFixed(1)}V${to.toFixed(1)}H${(this.x(this.edges[b + 1]) - 0.6).toFixed(1)}V${from.toFixed(1)}z`;
        }
        for (const bar of bars) bar.setAttribute("d", path);
      }
    }
    this.limit.replaceChildren(...(one ? this.line(thresholds[0]) : this.ownLines(thresholds)));
  }

  line(T) {
    const style = `stroke:${this.data.colours.threshold};stroke-width:2.5`, x = this.x(T), { left, right, top, bottom } = this.box;
    const words = label(Math.min(Math.max(x, left + 68), right - 70), top - 11, `rejected ◂ T = ${signed(T, 1)} ▸ accepted`, "middle");
    words.setAttribute("style", "font-weight:600");
    return [svg("line", { x1: x, x2: x, y1: top - 6, y2: bottom, style, "stroke-dasharray": "12 4" }), words];
  }

  ownLines(thresholds) {
    // One line for each value, with its classes above it, in one of two rows where there is room for them.
    const { colours } = this.data, { top, bottom } = this.box, style = `stroke:${colours.threshold};stroke-width:1.2`;
    const ends = [-Infinity, -Infinity];
    return [...new Set(thresholds)].sort((a, b) => a - b).flatMap((T) => {
      const classes = [...thresholds.keys()].filter((k) => thresholds[k] === T), x = this.x(T);
      const text = classes.length === thresholds.length ? "all" : classes.length > 4 ? `${classes.length} classes` : classes.map((k) => this.data.names[k]).join(",");
      const line = svg("line", { x1: x, x2: x, y1: top - 1, y2: bottom, style, "stroke-dasharray": "6 4" });
      const half = 3.5 * text.length + 2, row = ends.findIndex((end) => x - half > end);
      if (row < 0) return [line];
      ends[row] = x + half;
      const words = label(x, top - (row ? 14 : 3), text, "middle");
      words.setAttribute("style", "font-weight:600");
      return [line, words];
    });
  }
}
