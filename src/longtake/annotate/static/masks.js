// The ids of a frame's pixels: from runs and back, and every way in which a tool changes them.

/** @typedef {{left: number, top: number, width: number, height: number}} Rectangle in pixels of the video */

/** The least rectangle around both. @param {Rectangle|null} one @param {Rectangle|null} other @returns {Rectangle|null} */
export function around(one, other) {
  if (!one || !other) return one ?? other;
  const left = Math.min(one.left, other.left);
  const top = Math.min(one.top, other.top);
  const right = Math.max(one.left + one.width, other.left + other.width);
  const bottom = Math.max(one.top + one.height, other.top + other.height);
  return { left, top, width: right - left, height: bottom - top };
}

/** What a change has touched, as it grows pixel by pixel. */
class Touched {
  left = Infinity;
  top = Infinity;
  right = -1;
  bottom = -1;

  add(x, y) {
    if (x < this.left) this.left = x;
    if (x > this.right) this.right = x;
    if (y < this.top) this.top = y;
    if (y > this.bottom) this.bottom = y;
  }

  /** @returns {Rectangle|null} */
  get rectangle() {
    const { left, top, right, bottom } = this;
    return right < left ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
  }
}

/** An id per pixel, row by row; every change returns the rectangle of the pixels that became others, or null. */
export class Labels {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.ids = new Uint16Array(width * height);
  }

  get whole() {
    return { left: 0, top: 0, width: this.width, height: this.height };
  }

  at(x, y) {
    return x < 0 || y < 0 || x >= this.width || y >= this.height
      ? 0
      : this.ids[Math.floor(y) * this.width + Math.floor(x)];
  }

  /** @param {number[]|null} runs id, count, id, count, ...; null: nothing stands there */
  load(runs) {
    if (!runs) {
      this.ids.fill(0);
      return;
    }
    let place = 0;
    for (let run = 0; run < runs.length; run += 2) this.ids.fill(runs[run], place, (place += runs[run + 1]));
  }

  /** An edit begins: what it adds and takes is told from here on. */
  mark() {
    this.#before = this.ids.slice();
  }

  #before = new Uint16Array(0);

  /**
   * Runs in a rectangle, outside, inside, outside, ...: where an object is ("exact"), where the edit has brought it
   * ("adds"), or where it has taken it away ("takes").
   * @param {Rectangle} rectangle @param {"exact"|"adds"|"takes"} how @returns {number[]}
   */
  runs({ left, top, width, height }, object, how = "exact") {
    const before = this.#before;
    const counts = {
      exact: (place) => this.ids[place] === object,
      adds: (place) => this.ids[place] === object && before[place] !== object,
      takes: (place) => this.ids[place] !== object && before[place] === object,
    }[how];
    const runs = [];
    let inside = false;
    let count = 0;
    for (let y = top; y < top + height; y += 1) {
      const start = y * this.width + left;
      for (let place = start; place < start + width; place += 1) {
        if (counts(place) !== inside) {
          runs.push(count);
          inside = !inside;
          count = 0;
        }
        count += 1;
      }
    }
    runs.push(count);
    return runs;
  }

  /** Make an object's mask within a rectangle exactly these runs. @param {Rectangle & {runs: number[]}} mask */
  replace({ left, top, width, runs }, object) {
    const touched = new Touched();
    let place = 0;
    runs.forEach((count, run) => {
      for (const end = place + count; place < end; place += 1) {
        this.#set(left + (place % width), top + Math.floor(place / width), object, run % 2 === 1, touched);
      }
    });
    return touched.rectangle;
  }

  /** A stroke's piece, from a point to the next, so wide. */
  stroke([x0, y0], [x1, y1], diameter, object, inside) {
    const radius = Math.max(0.71, diameter / 2);
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy || 1;
    const touched = new Touched();
    const [top, bottom] = this.#span(Math.min(y0, y1) - radius, Math.max(y0, y1) + radius, this.height);
    const [left, right] = this.#span(Math.min(x0, x1) - radius, Math.max(x0, x1) + radius, this.width);
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1) {
        const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) / length));
        const [ox, oy] = [px - along * dx, py - along * dy];
        if (ox * ox + oy * oy <= radius * radius) this.#set(x, y, object, inside, touched);
      }
    }
    return touched.rectangle;
  }

  /** The pixels whose centres lie in a polygon (even-odd). @param {[number, number][]} points */
  polygon(points, object) {
    const touched = new Touched();
    const heights = points.map(([, y]) => y);
    const [top, bottom] = this.#span(Math.min(...heights), Math.max(...heights), this.height);
    for (let y = top; y < bottom; y += 1) {
      const crossings = crossingsAt(points, y + 0.5);
      for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
        const from = Math.max(0, Math.ceil(crossings[pair] - 0.5));
        const to = Math.min(this.width, Math.ceil(crossings[pair + 1] - 0.5));
        for (let x = from; x < to; x += 1) this.#set(x, y, object, true, touched);
      }
    }
    return touched.rectangle;
  }

  /** Give an object the holes in it that belong to none: what cannot be reached from its surroundings. */
  fill(object) {
    const box = this.bounds(object);
    if (!box) return null;
    const [wide, high] = [box.width + 2, box.height + 2];
    const reached = new Uint8Array(wide * high);
    const stack = [0];
    reached[0] = 1;
    const visit = (x, y) => {
      const place = y * wide + x;
      if (x < 0 || y < 0 || x >= wide || y >= high || reached[place]) return;
      if (this.at(box.left + x - 1, box.top + y - 1) === object) return;
      reached[place] = 1;
      stack.push(place);
    };
    while (stack.length) {
      const place = /** @type {number} */ (stack.pop());
      const [x, y] = [place % wide, Math.floor(place / wide)];
      visit(x - 1, y);
      visit(x + 1, y);
      visit(x, y - 1);
      visit(x, y + 1);
    }
    const touched = new Touched();
    for (let y = 1; y < high - 1; y += 1) {
      for (let x = 1; x < wide - 1; x += 1) {
        const [column, row] = [box.left + x - 1, box.top + y - 1];
        if (!reached[y * wide + x] && this.at(column, row) === 0) this.#set(column, row, object, true, touched);
      }
    }
    return touched.rectangle;
  }

  /** Take an object away altogether. */
  clear(object) {
    const box = this.bounds(object);
    return box && this.replace({ ...box, runs: [box.width * box.height] }, object);
  }

  /** The least rectangle around an object. */
  bounds(object) {
    const found = new Touched();
    for (let y = 0, place = 0; y < this.height; y += 1) {
      for (let x = 0; x < this.width; x += 1, place += 1) if (this.ids[place] === object) found.add(x, y);
    }
    return found.rectangle;
  }

  #span(least, most, size) {
    return [Math.max(0, Math.floor(least)), Math.min(size, Math.ceil(most) + 1)];
  }

  #set(x, y, object, inside, touched) {
    const place = y * this.width + x;
    if ((this.ids[place] === object) === inside) return;
    this.ids[place] = inside ? object : 0;
    touched.add(x, y);
  }
}

/** Where a closed polygon's sides cross a horizontal line, from left to right. */
function crossingsAt(points, y) {
  const crossings = [];
  points.forEach(([x0, y0], index) => {
    const [x1, y1] = points[(index + 1) % points.length];
    if (y0 <= y !== y1 <= y) crossings.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
  });
  return crossings.sort((one, other) => one - other);
}
