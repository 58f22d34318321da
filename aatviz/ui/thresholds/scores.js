// The winning logits of one set of images, by winning class and in ascending order: a threshold is a binary search.

class Scores {
  constructor({ logits, tags }, classes) {
    const all = unpack32(logits), tag = new Uint16Array(bytes(tags));
    this.n = all.length;
    this.classes = Array.from({ length: classes }, (_, k) => {
      const members = [];
      for (let i = 0; i < all.length; i++) if ((tag[i] & 0x7fff) === k) members.push(i);
      const logit = Float32Array.from(members, (i) => all[i]);
      const right = new Uint32Array(members.length + 1); // how many of the first i are right
      members.forEach((i, place) => (right[place + 1] = right[place] + (tag[i] >> 15)));
      return { logit, right };
    });
  }

  at(thresholds) {
    // How many are accepted and right, accepted and wrong, and rejected.
    let accepted = 0, right = 0;
    this.classes.forEach((own, k) => {
      const cut = lowerBound(own.logit, Math.fround(thresholds[k])), n = own.logit.length;
      accepted += n - cut;
      right += own.right[n] - own.right[cut];
    });
    return { n: this.n, accepted, right, wrong: accepted - right, rejected: this.n - accepted };
  }

  bin(edges) {
    // Where each class's logits begin in each bin; the outer bins hold what lies beyond them.
    this.bins = edges.length - 1;
    this.starts = this.classes.map(({ logit }) => Uint32Array.from(edges, (edge, b) =>
      b === 0 ? 0 : b === this.bins ? logit.length : lowerBound(logit, edge)));
  }

  binned(thresholds) {
    // For each bin, as at().
    const right = new Float64Array(this.bins), wrong = new Float64Array(this.bins), rejected = new Float64Array(this.bins);
    this.classes.forEach((own, k) => {
      const cut = lowerBound(own.logit, Math.fround(thresholds[k])), starts = this.starts[k];
      for (let b = 0; b < this.bins; b++) {
        const from = Math.min(Math.max(cut, starts[b]), starts[b + 1]);
        const good = own.right[starts[b + 1]] - own.right[from];
        rejected[b] += from - starts[b];
        right[b] += good;
        wrong[b] += starts[b + 1] - from - good;
      }
    });
    return { right, wrong, rejected };
  }
}

function lowerBound(sorted, value) {
  // The first place whose value is at least this one.
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function wilson(count, n) {
  // The 95 % interval of a proportion (Wilson's score interval).
  const z2 = 1.959963984540054 ** 2, p = count / n;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Math.sqrt(z2) / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  return [count ? centre - half : 0, count < n ? centre + half : 1];
}
