// The view as one PNG: words, the three charts, and the examples, drawn onto a canvas.

const INLINED = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-family", "font-size", "font-weight", "text-anchor"];

async function savePicture(view) {
  const style = getComputedStyle(view.root), pad = 24, gap = 16, line = 22;
  const charts = [...view.root.querySelectorAll(".charts .chart svg")];
  const widths = charts.map((chart) => chart.clientWidth || chart.parentElement.clientWidth);
  const width = 2 * pad + widths.reduce((sum, w) => sum + w, 0) + gap * (charts.length - 1);
  const tallest = Math.max(...charts.map((chart) => chart.clientHeight));
  const words = lines(view), tile = 40;
  const across = Math.max(Math.floor((width - 2 * pad) / (tile + 6)), 1);
  const stripHeight = view.strips.rows.reduce((sum, { tiles }) => sum + line + Math.ceil(tiles.length / across) * (tile + 24), 0);
  const height = 2 * pad + words.length * line + gap + tallest + gap + stripHeight;
  const canvas = node("canvas", { width: 2 * width, height: 2 * height });
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);
  pen.fillStyle = style.getPropertyValue("--st-background-color") || "white";
  pen.fillRect(0, 0, width, height);
  Object.assign(pen, { fillStyle: style.color, imageSmoothingEnabled: false, font: `14px ${style.fontFamily}` });
  words.forEach((text, i) => pen.fillText(text, pad, pad + (i + 0.7) * line));
  let x = pad, y = pad + words.length * line + gap;
  for (const [i, chart] of charts.entries()) {
    pen.drawImage(await pictured(chart), x, y, widths[i], chart.clientHeight);
    x += widths[i] + gap;
  }
  y += tallest + gap;
  for (const row of view.strips.rows) {
    pen.fillText(`${row.title}: ${row.count.textContent}`, pad, y + 0.7 * line);
    y += line;
    row.tiles.forEach((one, i) => {
      const [left, top] = [pad + (i % across) * (tile + 6), y + Math.floor(i / across) * (tile + 24)];
      const scale = tile / Math.max(one.canvas.width, one.canvas.height);
      pen.drawImage(one.canvas, left, top, scale * one.canvas.width, scale * one.canvas.height);
      pen.fillText(OUTCOMES[one.state].mark, left + tile / 2 - 6, top + tile + 16);
    });
    y += Math.ceil(row.tiles.length / across) * (tile + 24);
  }
  const link = node("a", { href: canvas.toDataURL("image/png"), download: `${view.data.name}-thresholds.png` });
  link.click();
}

function lines({ data, controls, root }) {
  const { settings, thresholds } = controls;
  const where = settings.mode === "one" ? `T = ${signed(thresholds[0], 1)}` : `T by detector: ${thresholds.slice(0, MANY).map((T, k) => `${data.names[k]} ${signed(T, 1)}`).join(", ")}${thresholds.length > MANY ? ", …" : ""}`;
  const said = [...root.querySelectorAll(".cards article")].map((card) => {
    const [title, natural, attacked] = [...card.children].map((part) => part.textContent);
    return `${title[0]} ${title.slice(1)}: ${natural}; ${attacked}`;
  });
  const key = "Curves: solid generative, dashed integrated. Bars: plain accepted and right, crossed fooled, striped rejected.";
  return [`${data.name}, ${where}; logits and examples of the ${settings.logits} classifier`, ...said, key];
}

async function pictured(chart) {
  // A copy with its styles written into it: an image does not see the page's stylesheet.
  const copy = chart.cloneNode(true);
  const own = [chart, ...chart.querySelectorAll("*")], copies = [copy, ...copy.querySelectorAll("*")];
  own.forEach((element, i) => {
    const look = getComputedStyle(element);
    for (const name of INLINED) copies[i].style.setProperty(name, look.getPropertyValue(name));
  });
  copy.setAttribute("xmlns", SVG);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}
