// A landscape of logits in the square: its value anywhere, and the line where it equals T.

class Landscape {
  // values: side x side, row 0 at the bottom; a value belongs to the centre of its cell.
  constructor(values, side) {
    Object.assign(this, { values, side });
  }

  at(x, y) {
    const { side, values } = this, most = side - 1;
    const [u, v] = [x, y].map((one) => Math.min(Math.max(one * side - 0.5, 0), most));
    const [i, j] = [Math.min(Math.floor(u), most - 1), Math.min(Math.floor(v), most - 1)];
    const [a, b] = [u - i, v - j], low = j * side + i, high = low + side;
    return (1 - b) * ((1 - a) * values[low] + a * values[low + 1]) + b * ((1 - a) * values[high] + a * values[high + 1]);
  }

  line(level) {
    // Marching squares: pieces [x0, y0, x1, y1] of the line where the value is `level`.
    const { side, values } = this, found = [];
    for (let j = 0; j < side - 1; j++) {
      for (let i = 0; i < side - 1; i++) {
        const place = j * side + i;
        const corners = [values[place], values[place + 1], values[place + side + 1], values[place + side]];
        const above = corners.map((value) => value >= level);
        if (above.every((one) => one === above[0])) continue;
        const crossings = [];
        for (let edge = 0; edge < 4; edge++) {
          const next = (edge + 1) % 4;
          if (above[edge] === above[next]) continue;
          const share = (level - corners[edge]) / (corners[next] - corners[edge]);
          const [from, to] = [CORNERS[edge], CORNERS[next]];
          crossings.push((i + 0.5 + from[0] + share * (to[0] - from[0])) / side, (j + 0.5 + from[1] + share * (to[1] - from[1])) / side);
        }
        for (let k = 0; k + 3 < crossings.length; k += 4) found.push(crossings.slice(k, k + 4));
      }
    }
    return found;
  }
}

const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];
