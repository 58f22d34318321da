// Two small charts: lines by update, one colour and one dash a model.

const CHART = { width: 460, height: 170, left: 44, right: 20, top: 8, bottom: 26 };
const LOOKS = { classifier: ["#808080", "2 3"], robust: ["#E69F00", "7 4"], detectors: ["#0072B2", ""] };

function lineChart(place, lines, steps, [low, high]) {
  // lines: {name, width, points: [[step, value], ...]}.
  const { width, height, left, right, top, bottom } = CHART;
  const x = (step) => left + (step / steps) * (width - left - right);
  const y = (value) => top + (1 - (Math.min(Math.max(value, low), high) - low) / (high - low)) * (height - top - bottom);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  picture.setAttribute("aria-label", lines.map(({ name, points }) => (points.length ? `${name}: ${points[points.length - 1][1].toFixed(3)}` : "")).filter(Boolean).join(", ") || "nothing yet");
  for (const value of ticks(low, high, 4)) {
    picture.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }));
    picture.append(label(left - 6, y(value) + 4, String(value), "end"));
  }
  for (const step of ticks(0, steps, 4)) picture.append(label(x(step), height - 8, String(step), "middle"));
  for (const { model, width: thick, points } of lines) {
    const [colour, dash] = LOOKS[model];
    const style = `stroke:${colour};stroke-dasharray:${dash || "none"};stroke-width:${thick};fill:none`;
    if (points.length === 1) picture.append(svg("circle", { cx: x(points[0][0]), cy: y(points[0][1]), r: thick + 1, style: `fill:${colour}` }));
    else if (points.length) picture.append(svg("path", { d: points.map(([step, value], i) => `${i ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join(""), style }));
  }
  place.replaceChildren(picture);
}

function swatch(model) {
  const [colour, dash] = LOOKS[model];
  const style = `stroke:${colour};stroke-dasharray:${dash || "none"};stroke-width:3`;
  return svg("svg", { viewBox: "0 0 26 10", class: "swatch", "aria-hidden": "true" }, [svg("line", { x1: 0, x2: 26, y1: 5, y2: 5, style })]);
}
