// A few real images, natural and attacked, which flip between accepted and rejected as T moves past their logits.

const OUTCOMES = {
  accepted: { mark: "✓", words: "accepted" },
  fooled: { mark: "✗", words: "accepted although wrong" },
  rejected: { mark: "■", words: "rejected" },
};

class Strips {
  constructor(place, data) {
    Object.assign(this, { place, data, images: {}, rows: [] });
    if (!data.examples) return place.replaceChildren();
    for (const [name, text] of Object.entries(data.examples.images)) this.images[name] = new Uint8Array(bytes(text));
  }

  choose(who) {
    if (!this.data.examples || this.who === who) return;
    this.who = who;
    const { noun } = this.data;
    this.rows = [
      this.row("natural", "natural", `Natural ${noun}`),
      this.row("attacked", who, `The same ${noun}, attacked`),
    ];
    this.place.replaceChildren(...this.rows.map(({ element }) => element));
  }

  row(part, images, title) {
    const { names } = this.data, [channels, height, width] = this.data.examples.size;
    const { y, index, decided } = this.data.examples, { logit, label: winner, right } = decided[this.who][part];
    const order = [...logit.keys()].sort((a, b) => logit[a] - logit[b]);
    const tiles = order.map((i) => {
      const canvas = node("canvas", { width, height, "aria-hidden": "true" });
      const first = i * channels * height * width, plane = channels === 3 ? height * width : 0;
      paint(canvas, (pixel) => [...[0, 1, 2].map((c) => this.images[images][first + c * plane + pixel]), 255]);
      const mark = node("span", { class: "mark", "aria-hidden": "true" });
      const about = `image ${index[i]} of the sample, class ${names[y[i]]}; decided: ${names[winner[i]]}, winning logit ${signed(logit[i], 1)}`;
      const element = node("li", { title: about, "data-logit": logit[i], "data-label": winner[i] }, [canvas, mark]);
      return { element, canvas, mark, about, logit: logit[i], label: winner[i], right: right[i], state: null };
    });
    const count = node("span", { class: "count" });
    const heading = node("p", {}, [node("b", {}, [title]), " ", count]);
    const list = node("ul", { "data-testid": `strip-${part}` }, tiles.map(({ element }) => element));
    return { title, count, tiles, element: node("div", { class: "strip" }, [heading, list]) };
  }

  move(thresholds) {
    for (const { tiles, count } of this.rows) {
      const found = { accepted: 0, fooled: 0, rejected: 0 };
      for (const tile of tiles) {
        const state = tile.logit < Math.fround(thresholds[tile.label]) ? "rejected" : tile.right ? "accepted" : "fooled";
        found[state]++;
        if (state !== tile.state) this.flip(tile, state);
      }
      count.textContent = `${found.accepted} ✓ accepted, ${found.fooled} ✗ accepted although wrong, ${found.rejected} ■ rejected`;
    }
  }

  flip(tile, state) {
    tile.state = state;
    tile.element.dataset.state = state;
    tile.mark.textContent = OUTCOMES[state].mark;
    tile.element.setAttribute("aria-label", `${tile.about}: ${OUTCOMES[state].words}`);
  }
}
