// The live thresholds: gets all scores once; while T is dragged, everything is redrawn here, once a frame.
// Python is told of the settings when a slider is let go or a choice is made, in the words of the URL.

const SVG = "http://www.w3.org/2000/svg";
const MARKS = { generative: "●", integrated: "▲", robust: "★" };
const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new LiveThresholds(parentElement));
  const view = views.get(parentElement);
  view.tell = (settings) => setStateValue("settings", settings);
  if (view.id !== data.id) view.load(data);
  else if (view.serial !== data.serial) view.take(data);
  view.controls.restrict(data.locked, data.hidden);
}

class LiveThresholds {
  constructor(parent) {
    this.root = parent.querySelector(".thresholds");
    this.role = (name) => this.root.querySelector(`[data-role="${name}"]`);
    this.controls = new Controls(this.root, {
      moved: () => this.schedule(),
      changed: () => this.rebuild(),
      done: (settings) => this.tell(settings),
    });
    this.role("png").addEventListener("click", () => savePicture(this));
    new ResizeObserver(() => this.resize()).observe(this.root);
  }

  load(data) {
    this.id = data.id;
    this.data = data;
    this.scores = {};
    for (const [name, parts] of Object.entries(data.classifiers))
      this.scores[name] = { natural: new Scores(parts.natural, data.names.length), attacked: new Scores(parts.attacked, data.names.length) };
    this.rates = ["roc", "classification"].map((kind) => new RatesChart(this.role(kind), kind, data));
    this.histograms = new Histograms(this.role("histograms"), data);
    this.cards = new Cards(this.role("cards"), data);
    this.strips = new Strips(this.role("strips"), data);
    for (const [name, colour] of Object.entries({ ...data.colours, accepted: data.colours.natural }))
      this.root.style.setProperty(`--${name}`, colour);
    this.role("legend").replaceChildren(...this.histograms.legend());
    this.controls.load(data);
    this.take(data);
  }

  take(data) {
    this.serial = data.serial;
    this.controls.take(data.settings);
    this.rebuild();
  }

  resize() {
    if (!this.data || this.width === this.root.clientWidth) return;
    this.rebuild();
  }

  rebuild() {
    // What a choice or another width changes: axes, curves, bars. Then everything that moves with T.
    if (!this.data) return;
    this.width = this.root.clientWidth;
    const { settings } = this.controls;
    for (const chart of this.rates) chart.draw(settings);
    this.histograms.draw(this.scores[settings.logits]);
    this.strips.choose(settings.logits);
    this.role("whose").textContent = `of the ${settings.logits} classifier`;
    this.draw();
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    const { settings, thresholds } = this.controls;
    const counts = {};
    for (const [name, parts] of Object.entries(this.scores))
      counts[name] = { natural: parts.natural.at(thresholds), attacked: parts.attacked.at(thresholds) };
    this.cards.move(counts);
    for (const chart of this.rates) chart.move(counts);
    this.histograms.move(thresholds, settings.mode === "one");
    this.strips.move(thresholds);
    this.controls.describe(this.cards.sentence);
  }
}

class Cards {
  // The counts in words, one card a classifier.
  constructor(place, data) {
    Object.assign(this, { data, sentence: "", lines: {} });
    place.replaceChildren(...Object.entries(data.looks).map(([name, look]) => {
      const [natural, attacked] = [node("p"), node("p")];
      const swatch = node("span", { style: `color:${look.colour}`, "aria-hidden": "true" }, [MARKS[name]]);
      const title = look.label[0].toUpperCase() + look.label.slice(1) + (name === "robust" ? ", cannot reject" : "");
      this.lines[name] = { natural, attacked };
      return node("article", { "data-testid": `counts-${name}` }, [node("h3", {}, [swatch, title]), natural, attacked]);
    }));
    const { accuracy, error } = data.robust;
    this.say("robust", accuracy[0] * accuracy[3], accuracy[3], error[0] * error[3], error[3]);
  }

  move(counts) {
    for (const [name, { natural, attacked }] of Object.entries(counts))
      this.say(name, natural.right, natural.n, attacked.wrong, attacked.n);
    const { natural, attacked } = counts.generative;
    this.sentence = `generative classifier: ${perHundred(natural.right, natural.n)} of 100 natural ${this.data.noun} accepted and right, `
      + `${perHundred(attacked.wrong, attacked.n)} of 100 attacked ones fooled and accepted`;
  }

  say(name, right, natural, fooled, attacked) {
    const { noun } = this.data, alone = name === "robust";
    fill(this.lines[name].natural, perHundred(right, natural), ` of 100 natural ${noun}: ${alone ? "" : "accepted, "}right`);
    fill(this.lines[name].attacked, perHundred(fooled, attacked), ` of 100 attacked ${noun}: ${alone ? "" : "accepted, "}fooled`);
  }
}

function fill(place, number, words) {
  if (!place.firstChild) place.append(node("b"), document.createTextNode(""));
  place.firstChild.textContent = number;
  place.lastChild.data = words;
}

function perHundred(count, n) {
  // No more decimals than n supports, and never 100 or 0 where that is not exact.
  const percent = (100 * count) / n;
  const text = percent.toFixed(n > 100 ? 1 : 0);
  const exact = count === 0 || Math.round(count) === n;
  return !exact && [0, 100].includes(Number(text)) ? percent.toFixed(2) : text;
}
