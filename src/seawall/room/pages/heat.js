// The map as one picture behind the candles, its profile at the right edge, clusters as lines with
// labels, and what was realised as dots: drawn by the chart library, once a frame.

import { ink, percent, price, usd } from "/static/words.js";

const STOPS = {
  dark: [[20, 42, 84, 0.35], [70, 62, 150, 0.6], [190, 75, 110, 0.8], [240, 140, 60, 0.9], [255, 236, 170, 0.98]],
  light: [[222, 233, 248, 0.6], [160, 190, 232, 0.75], [190, 120, 190, 0.85], [214, 82, 66, 0.92], [120, 20, 20, 0.98]],
};
const MOST_DOTS = 1500;
// Colours are even in the logarithm over so many powers of ten below the deepest amount.
export const DECADES = 4;

function tableOf(stops) {
  const table = new Uint32Array(256);
  for (let k = 1; k < 256; k++) {
    // most cells are within a few shades of each other: the deep ones are spread; the key shows it so
    const at = ((k - 1) / 254) ** 2.6 * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2), part = at - low;
    const [r, g, b, a] = stops[low].map((v, c) => v + part * (stops[low + 1][c] - v));
    table[k] = (Math.round(255 * a) << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r);
  }
  return table;
}

// The shade of an amount, for a map that comes as amounts and not as shades.
export function shadeOf(amount, deepest) {
  const down = Math.log10(deepest / amount);
  return amount > 0 && down <= DECADES ? 1 + Math.round(254 * (1 - down / DECADES)) : 0;
}

export class Heat {
  constructor(chart, series) {
    this.chart = chart;
    this.series = series;
    this.picture = document.createElement("canvas");
    this.dots = [];
    this.known = new Set();
    this.clusters = [];
    this.columns = [];
    const back = { zOrder: () => "bottom", renderer: () => ({ draw: (target) => target.useBitmapCoordinateSpace((s) => this.back(s)) }) };
    const front = { zOrder: () => "top", renderer: () => ({ draw: (target) => target.useMediaCoordinateSpace((s) => this.front(s)) }) };
    this.views = [back, front];
    this.colours();
  }

  attached({ requestUpdate }) { this.again = requestUpdate; }
  paneViews() { return this.views; }

  colours() {
    this.table = tableOf(STOPS[document.documentElement.dataset.theme === "light" ? "light" : "dark"]);
    this.inks = Object.fromEntries(["long", "short", "soft", "ink", "paper"].map((name) => [name, ink(name)]));
    if (this.grid) this.paint(0);
    this.again?.();
  }

  // A grid: `low`, `high`, `rows`; columns from `first` (UTC s), `step` seconds apart, or one that
  // `holds` at each time; `amount(row, column)` in USD as {long, short}; `by(row)` by venue, if known.
  set(grid, columns) {
    this.grid = grid;
    this.columns = columns;
    this.paint(0);
    this.again?.();
  }

  add(column) {
    this.columns.push(column);
    // room is made in steps, so that a column costs itself and not the whole picture
    if (this.columns.length > this.picture.width) this.paint(0);
    else this.paint(this.columns.length - 1);
    this.again?.();
  }

  forget() {
    this.dots = [];
    this.known.clear();
  }

  // An event is drawn once, however often it is told.
  dot(event) {
    const name = `${event.time} ${event.venue} ${event.instrument} ${event.price} ${event.quantity}`;
    if (this.known.has(name)) return;
    this.known.add(name);
    this.dots.push({ ...event, at: Date.parse(event.time) / 1000 });
    if (this.dots.length > MOST_DOTS) this.dots.splice(0, this.dots.length - MOST_DOTS);
    this.again?.();
  }

  mark(clusters) {
    this.clusters = clusters;
    this.again?.();
  }

  paint(from) {
    const rows = this.grid.rows, count = this.columns.length;
    if (from === 0) {
      this.picture.width = 256 * Math.ceil((count + 1) / 256);
      this.picture.height = rows;
    }
    const pen = this.picture.getContext("2d"), image = pen.createImageData(Math.max(1, count - from), rows), cells = new Uint32Array(image.data.buffer);
    for (let k = from; k < count; k++) {
      const column = this.columns[k];
      for (let r = 0; r < rows; r++) cells[(rows - 1 - r) * image.width + k - from] = this.table[column[r]];
    }
    pen.putImageData(image, from, 0);
  }

  // Pixels across of a time (UTC s), and the time of a pixel; candles stand `spacing` seconds apart.
  place() {
    const scale = this.chart.timeScale(), zero = scale.logicalToCoordinate(0), one = scale.logicalToCoordinate(1);
    const first = this.series.data()[0];
    if (zero === null || one === null || !first) return null;
    const spacing = this.grid.spacing, wide = one - zero;
    return { x: (time) => zero + ((time - first.time) / spacing - 0.5) * wide, time: (x) => first.time + ((x - zero) / wide + 0.5) * spacing };
  }

  back({ context, mediaSize, horizontalPixelRatio: rx, verticalPixelRatio: ry }) {
    const at = this.grid && this.columns.length && this.place();
    if (!at) return;
    const { first, step, low, high, rows, holds } = this.grid;
    const top = this.series.priceToCoordinate(high), bottom = this.series.priceToCoordinate(low);
    if (top === null || bottom === null) return;
    if (holds) return this.lines(context, mediaSize.width * rx, top * ry, ((bottom - top) / rows) * ry, ry);
    const count = this.columns.length, left = at.x(first), right = at.x(first + step * count);
    context.imageSmoothingEnabled = right - left < count;
    context.drawImage(this.picture, 0, 0, count, rows, left * rx, top * ry, (right - left) * rx, (bottom - top) * ry);
  }

  // A map that holds at each time, step by step: a few positions are not to vanish between two pixels.
  lines(context, width, top, tall, ratio) {
    const { rows } = this.grid, [column] = this.columns, high = Math.max(tall, 1.5 * ratio);
    for (let r = 0; r < rows; r++) {
      if (!column[r]) continue;
      const [red, green, blue, alpha] = [0, 8, 16, 24].map((shift) => (this.table[column[r]] >>> shift) & 255);
      context.fillStyle = `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
      context.fillRect(0, top + (rows - 1 - r) * tall - (high - tall) / 2, width, high);
    }
  }

  front({ context, mediaSize }) {
    const at = this.grid && this.columns.length && this.place();
    if (!at) return;
    const size = this.size = parseFloat(getComputedStyle(document.documentElement).fontSize) >= 18 ? 17 : 12;
    context.font = `${size}px sans-serif`;
    context.textBaseline = "middle";
    this.drawDots(context, at);
    const edge = mediaSize.width - this.drawProfile(context, mediaSize, size);
    this.drawClusters(context, mediaSize, edge, size);
  }

  drawDots(context, at) {
    for (const dot of this.dots) {
      const across = at.x(dot.at), down = this.series.priceToCoordinate(dot.price);
      if (down === null || this.grid.timeless) continue;
      dot.x = across;
      dot.y = down;
      dot.r = Math.min(12, 1.2 + Math.sqrt(dot.notional_usd) / 70) * (this.size / 12);
      context.beginPath();
      context.arc(across, down, dot.r, 0, 2 * Math.PI);
      context.fillStyle = this.inks[dot.side];
      context.globalAlpha = 0.75;
      context.fill();
    }
    context.globalAlpha = 1;
  }

  // The last column as bars at the right edge, in USD from 0 at the edge, with its axis above.
  drawProfile(context, { width, height }, size) {
    const { rows, low, high } = this.grid, wide = Math.max(48, Math.min(9 * size, width / 8)), last = this.columns.length - 1;
    const top = this.series.priceToCoordinate(high), bottom = this.series.priceToCoordinate(low), tall = (bottom - top) / rows;
    if (top === null || bottom === null) return wide;
    const from = Math.max(0, Math.floor((bottom - height) / tall)), to = Math.min(rows, Math.ceil(bottom / tall));
    const bars = [];
    let most = 0;
    for (let r = from; r < to; r++) {
      const { long, short } = this.grid.amount(r, last);
      if (long + short > 0) bars.push([r, long, short]);
      most = Math.max(most, long + short);
    }
    for (const [r, long, short] of bars) {
      let right = width;
      for (const [side, amount] of [["long", long], ["short", short]]) {
        const reach = (wide * amount) / most;
        context.fillStyle = this.inks[side];
        context.fillRect(right - reach, bottom - (r + 1) * tall, reach, Math.max(1, 0.9 * tall));
        right -= reach;
      }
    }
    this.axis(context, width, wide, most, size);
    return wide;
  }

  axis(context, width, wide, most, size) {
    const deep = 1.5 * size, words = most ? usd(most) : "nothing";
    context.fillStyle = this.inks.paper;
    context.globalAlpha = 0.85;
    context.fillRect(width - wide - 4, 0, wide + 4, deep + 4);
    context.globalAlpha = 1;
    context.fillStyle = this.inks.soft;
    context.textAlign = "left";
    context.fillText(words, width - wide, 0.8 * size);
    context.textAlign = "right";
    if (context.measureText(words).width + 2 * size < wide) context.fillText("0", width - 2, 0.8 * size);
    context.fillRect(width - wide, deep, wide, 1);
    for (const x of [width - wide, width - wide / 2, width - 1]) context.fillRect(x, deep, 1, 4);
  }

  // The nearest of each side, as lines with their amount and distance; a label that has no room is
  // left to the table.
  drawClusters(context, { width, height }, edge, size) {
    const tall = 1.55 * size, narrow = width < 520, taken = [];
    for (const c of this.clusters) {
      const down = this.series.priceToCoordinate(c.peak), top = this.series.priceToCoordinate(c.high), bottom = this.series.priceToCoordinate(c.low);
      if (down === null || down < 2.2 * size || down > height) continue;
      const y = [0, -tall, tall, -2 * tall, 2 * tall].map((d) => down + d).find((v) => v > 2.6 * size && v < height - tall / 2 && taken.every((t) => Math.abs(t - v) >= tall));
      context.fillStyle = context.strokeStyle = this.inks[c.side];
      context.fillRect(edge - 4, top, 3, Math.max(2, bottom - top));
      context.globalAlpha = 0.9;
      context.setLineDash([4, 4]);
      context.beginPath();
      context.moveTo(0, down);
      context.lineTo(edge - 6, down);
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
      if (y === undefined) continue;
      taken.push(y);
      const words = narrow ? `${usd(c.notional_usd)} ${signed(c.distance)}` : `${c.side} ${usd(c.notional_usd)} at ${price(c.peak)}, ${signed(c.distance)}`;
      const long = context.measureText(words).width + 10, left = edge - 8 - long;
      context.fillStyle = this.inks.paper;
      context.globalAlpha = 0.9;
      context.fillRect(left, y - tall / 2 + 1, long, tall - 2);
      context.globalAlpha = 1;
      context.strokeRect(left + 0.5, y - tall / 2 + 1.5, long - 1, tall - 3);
      context.fillStyle = this.inks.ink;
      context.textAlign = "left";
      context.fillText(words, left + 5, y + 0.5);
    }
  }

  // What stands at a point of the picture: its cell, and the dot that is nearest within reach.
  under(x, y) {
    const at = this.grid && this.columns.length && this.place(), level = this.series.coordinateToPrice(y);
    if (!at || level === null) return null;
    const { first, step, low, high, rows, holds } = this.grid, time = at.time(x);
    const row = Math.floor(((level - low) / (high - low)) * rows), column = holds ? 0 : Math.floor((time - first) / step);
    const drawn = row >= 0 && row < rows && column >= 0 && column < this.columns.length;
    const near = this.dots.filter((d) => d.x !== undefined && Math.hypot(d.x - x, d.y - y) <= d.r + 3).sort((a, b) => Math.hypot(a.x - x, a.y - y) - Math.hypot(b.x - x, b.y - y))[0];
    const tall = (high - low) / rows;
    return { time, level, dot: near ?? null, cell: drawn ? { ...this.grid.amount(row, column), by: this.grid.by?.(row) ?? [], low: low + row * tall, high: low + (row + 1) * tall, row, column } : null };
  }
}

export const signed = (distance) => `${distance > 0 ? "+" : ""}${percent(distance, 2)}`;

// The key of the colours: the ramp itself, with the amounts along it.
export function key(heat, deepest, box) {
  const strip = document.createElement("canvas");
  strip.width = 255;
  strip.height = 1;
  const pen = strip.getContext("2d"), image = pen.createImageData(255, 1);
  new Uint32Array(image.data.buffer).set(heat.table.subarray(1));
  pen.putImageData(image, 0, 0);
  const marks = document.createElement("span");
  marks.className = "marks";
  for (let k = DECADES; k >= 0; k--) marks.append(Object.assign(document.createElement("b"), { textContent: usd(deepest / 10 ** k) }));
  box.replaceChildren(strip, marks);
}
