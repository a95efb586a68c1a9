// Scales, ticks and the few drawing words the charts are written in.
const SVG = "http://www.w3.org/2000/svg";

function mark(name, attributes, parent) {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (parent) parent.append(node);
  return node;
}

function words(content, x, y, className, parent, anchor = "start") {
  const node = mark("text", { x: px(x), y: px(y), class: className, "text-anchor": anchor }, parent);
  node.textContent = content;
  return node;
}

function html(name, className, content, parent) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (content) node.textContent = content;
  if (parent) parent.append(node);
  return node;
}

const px = (value) => Math.round(value * 100) / 100;
const known = (value) => value !== null && Number.isFinite(value);

const ruler = document.createElement("canvas").getContext("2d");
function widthOf(content, size = 12) {
  ruler.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(content).width;
}

// Round steps of 1, 2, 2.5 and 5: about `wanted` of them over [low, high].
function stepFor(low, high, wanted, whole = false) {
  const raw = (high - low) / Math.max(1, wanted) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const share = raw / power;
  const step = (share <= 1 ? 1 : share <= 2 ? 2 : share <= 2.5 ? 2.5 : share <= 5 ? 5 : 10) * power;
  return whole ? Math.max(1, Math.round(step)) : step;
}

// Steps that a clock has: seconds, minutes, hours, days.
const CLOCK = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
function clockStep(low, high, wanted) {
  const raw = (high - low) / Math.max(1, wanted);
  if (raw < 1) return stepFor(low, high, wanted);
  return CLOCK.find((step) => step >= raw) || Math.ceil(raw / 86400) * 86400;
}

function ticksOver(low, high, step) {
  const ticks = [];
  const first = Math.ceil(low / step - 1e-9);
  for (let k = first; k * step <= high + step * 1e-9 && ticks.length < 200; k++) {
    ticks.push(Number((k * step).toPrecision(12)));
  }
  return ticks;
}

// An axis that ends on round numbers; from zero unless `fitted`.
function roundAxis(low, high, wanted, fitted) {
  if (!(high >= low)) [low, high] = [0, 1];
  if (!fitted) [low, high] = [Math.min(0, low), Math.max(0, high)];
  if (low === high) [low, high] = fitted ? [low - Math.abs(low || 1) * 0.01, high + Math.abs(high || 1) * 0.01] : [low, low + 1];
  const step = stepFor(low, high, wanted);
  const ends = [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
  return { low: ends[0], high: ends[1], ticks: ticksOver(ends[0], ends[1], step) };
}

function linear(low, high, from, to) {
  const scale = (value) => from + ((value - low) / (high - low)) * (to - from);
  scale.back = (position) => low + ((position - from) / (to - from)) * (high - low);
  return scale;
}

// The value of a line at x, between its points where it has none there.
function valueAt(series, x, between) {
  const exact = series.at.get(x);
  if (exact !== undefined) return exact;
  if (!between) return null;
  for (let k = 1; k < series.x.length; k++) {
    const [a, b] = [series.x[k - 1], series.x[k]];
    if ((x - a) * (x - b) <= 0 && a !== b && known(series.y[k - 1]) && known(series.y[k])) {
      return series.y[k - 1] + ((x - a) / (b - a)) * (series.y[k] - series.y[k - 1]);
    }
  }
  return null;
}
