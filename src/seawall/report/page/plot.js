// Charts over a numeric axis: the map over price, rounds, the ladder, concentration, time.
const LANE = 16, BAND_ROOM = 4;

function plotView(chart, state, width) {
  const narrow = width < 520;
  const rounds = chart.kind === "rounds";
  const shown = chart.series.filter((s, k) => !state.hidden.has(k));
  const all = [...new Set(chart.series.flatMap((s) => s.x))].sort((a, b) => a - b);
  const view = { chart, narrow, width, shown, rounds };
  const full = fullDomain(chart, all);
  [view.low, view.high] = state.zoom || full;
  view.full = full;
  view.xs = all.filter((x) => x >= view.low && x <= view.high);
  view.flipped = chart.kind === "ladder" && all.length > 0 && all[all.length - 1] <= 0;
  view.bin = binOf(chart, all);
  yAxes(view);
  box(view);
  return view;
}

function binOf(chart, all) {
  let least = Infinity;
  for (let k = 1; k < all.length; k++) least = Math.min(least, all[k] - all[k - 1]);
  return Number.isFinite(least) ? least : 1;
}

function fullDomain(chart, all) {
  if (!all.length) return [0, 1];
  const [first, last] = [all[0], all[all.length - 1]];
  const half = binOf(chart, all) / 2;
  if (["profile", "rounds", "timeline"].includes(chart.kind)) return [first - half, last + half];
  if (chart.kind === "ladder") return [Math.min(0, first), Math.max(0, last)];
  return first === last ? [first - half, last + half] : [first, last];
}

function yAxes(view) {
  const { chart, xs, shown, low, high } = view;
  const reach = { false: [Infinity, -Infinity], true: [Infinity, -Infinity] };
  const see = (value, second) => {
    if (!known(value)) return;
    reach[second][0] = Math.min(reach[second][0], value);
    reach[second][1] = Math.max(reach[second][1], value);
  };
  const bars = shown.filter((s) => s.shape === "bars");
  for (const x of xs) {
    let [up, down] = [0, 0];
    for (const s of bars) {
      const value = s.at.get(x) || 0;
      if (value > 0) up += value;
      else down += value;
    }
    if (bars.length) [up, down].forEach((v) => see(v, false));
  }
  for (const s of shown) {
    if (s.shape !== "bars") s.x.forEach((x, k) => x >= low && x <= high && see(s.y[k], s.second));
  }
  if (chart.band) {
    // a band may reach so far that the lines would lie flat: it is drawn as far as they can be read
    const [down, up] = reach[false], room = BAND_ROOM * (up - down);
    chart.band.x.forEach((x, k) => {
      if (x >= low && x <= high) [chart.band.low[k], chart.band.high[k]].forEach((v) => known(v) && see(room > 0 ? Math.min(Math.max(v, down - room), up + room) : v, false));
    });
  }
  const wanted = view.narrow ? 4 : 5;
  view.y = chart.kind === "curve" && chart.y.unit === "fraction"
    ? { low: 0, high: 1, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] }
    : roundAxis(...reach[false], wanted, chart.y.unit === "price");
  const second = shown.some((s) => s.second);
  view.y2 = second ? roundAxis(...reach[true], wanted, chart.y2.unit === "price") : null;
}

function box(view) {
  const { chart, width, narrow } = view;
  const widest = (axis, unit) => Math.max(...axis.ticks.map((v) => widthOf(tickText(v, unit))));
  view.left = widest(view.y, chart.y.unit) + 12;
  view.right = width - (view.y2 ? widest(view.y2, chart.y2.unit) + 12 : 16);
  const range = view.flipped ? [view.right, view.left] : [view.left, view.right];
  view.sx = linear(view.low, view.high, ...range);
  view.labels = placeLabels(view);
  const lanes = Math.max(0, ...view.labels.map((l) => l.lane + 1));
  view.top = 24 + lanes * LANE + (lanes ? 4 : 0);
  const tall = chart.kind === "profile" ? (narrow ? 250 : 300) : narrow ? 210 : 240;
  view.bottom = view.top + tall;
  view.height = view.bottom + 44;
  view.sy = linear(view.y.low, view.y.high, view.bottom, view.top);
  if (view.y2) view.sy2 = linear(view.y2.low, view.y2.high, view.bottom, view.top);
}

// Labels of markers, in lanes so that none covers another; the mark price is placed first.
function placeLabels(view) {
  const inside = view.chart.marks.filter((m) => m.x >= view.low && m.x <= view.high);
  inside.sort((a, b) => (b.tone === "price") - (a.tone === "price") || a.x - b.x);
  const lanes = [];
  const placed = [];
  for (const marker of inside) {
    const half = widthOf(marker.label) / 2;
    const at = view.sx(marker.x);
    const centre = Math.min(Math.max(at, view.left + half), view.right - half);
    let lane = lanes.findIndex((taken) => taken.every(([a, b]) => centre + half + 8 < a || centre - half - 8 > b));
    if (lane < 0) lane = lanes.length;
    if (lane > 3) continue;
    (lanes[lane] = lanes[lane] || []).push([centre - half, centre + half]);
    placed.push({ marker, at, centre, lane });
  }
  return placed;
}

function drawPlot(svg, view) {
  const { chart } = view;
  drawAxes(svg, view);
  const clip = `clip-${chart.key}`;
  const shade = mark("clipPath", { id: clip }, svg);
  mark("rect", { x: view.left, y: view.top, width: view.right - view.left, height: view.bottom - view.top }, shade);
  const inner = mark("g", { "clip-path": `url(#${clip})` }, svg);
  for (const m of chart.marks) drawExtent(inner, view, m);
  if (chart.band) drawBand(inner, view, chart.band);
  drawStack(inner, view);
  for (const s of view.shown) if (s.shape !== "bars") drawLine(inner, view, s);
  for (const label of view.labels) drawMarker(svg, view, label);
  for (const { marker, centre, lane } of view.labels) {
    words(marker.label, centre, view.top - 8 - lane * LANE, `mark-label t-${marker.tone}`, svg, "middle");
  }
  mark("line", { x1: view.left, x2: view.right, y1: px(view.sy(Math.max(0, view.y.low))), y2: px(view.sy(Math.max(0, view.y.low))), class: "base" }, svg);
}

function drawAxes(svg, view) {
  const { chart, left, right, top, bottom, width } = view;
  for (const tick of view.y.ticks) {
    const y = px(view.sy(tick));
    mark("line", { x1: left, x2: right, y1: y, y2: y, class: "grid" }, svg);
    words(tickText(tick, chart.y.unit), left - 8, y + 4, "tick", svg, "end");
  }
  words(chart.y.title, 0, 12, "axis-title", svg);
  if (view.y2) {
    for (const tick of view.y2.ticks) words(tickText(tick, chart.y2.unit), right + 8, view.sy2(tick) + 4, "tick", svg);
    if (!view.narrow || widthOf(chart.y.title + chart.y2.title) < width - 24) words(chart.y2.title, width, 12, "axis-title", svg, "end");
    else words(chart.y2.title, right, bottom + 40, "axis-title", svg, "end");
  }
  for (const tick of xTicks(view)) {
    const x = px(view.sx(tick));
    mark("line", { x1: x, x2: x, y1: bottom, y2: bottom + 4, class: "base" }, svg);
    const label = tickText(tick, chart.x.unit);
    const half = widthOf(label) / 2;
    words(label, Math.min(Math.max(x, half), width - half), bottom + 18, "tick", svg, "middle");
  }
  words(chart.x.title, left, bottom + 40, "axis-title", svg);
}

// As many ticks as their labels leave room for.
function xTicks(view) {
  const { low, high, chart, rounds } = view;
  const widest = Math.max(...[low, high].map((v) => widthOf(tickText(Number(v.toPrecision(3)), chart.x.unit))));
  const most = Math.min(rounds ? 25 : 10, Math.max(2, Math.floor((view.right - view.left) / (widest + 16))));
  let ticks = [];
  for (let wanted = most * 2; wanted >= 1; wanted--) {
    const step = chart.x.unit === "duration" ? clockStep(low, high, wanted) : stepFor(low, high, wanted, rounds);
    ticks = ticksOver(low, high, step);
    if (ticks.length <= most) break;
  }
  return ticks;
}

function drawExtent(parent, view, marker) {
  if (marker.low === null || marker.high === null) return;
  const [a, b] = [view.sx(marker.low), view.sx(marker.high)].sort((p, q) => p - q);
  mark("rect", { x: px(a), width: px(Math.max(b - a, 1)), y: view.top, height: view.bottom - view.top, class: `extent t-${marker.tone}` }, parent);
}

function drawBand(parent, view, band) {
  const points = band.x.map((x, k) => [view.sx(x), band.low[k], band.high[k]]).filter((p) => known(p[1]));
  // an end that is not bounded lies beyond the top
  const upper = points.map((p) => `${px(p[0])},${px(known(p[2]) ? view.sy(p[2]) : view.top)}`);
  const lower = points.reverse().map((p) => `${px(p[0])},${px(view.sy(p[1]))}`);
  if (points.length) mark("path", { d: `M${upper.concat(lower).join("L")}Z`, class: `band t-${band.tone}` }, parent);
}

// Stacked bars: one path a series, so that thousands of bins stay one node.
function drawStack(parent, view) {
  const full = Math.abs(view.sx(view.low + view.bin) - view.sx(view.low));
  const wide = view.rounds ? Math.min(full * 0.62, 64) : full > 4 ? full - 1 : full;
  const tops = new Map();
  const bottoms = new Map();
  for (const s of view.shown) {
    if (s.shape !== "bars") continue;
    let d = "";
    for (const x of view.xs) {
      const value = s.at.get(x);
      if (!value) continue;
      const pile = value > 0 ? tops : bottoms;
      const from = pile.get(x) || 0;
      pile.set(x, from + value);
      const [a, b] = [view.sy(from), view.sy(from + value)];
      d += `M${px(view.sx(x) - wide / 2)},${px(a)}V${px(b)}h${px(wide)}V${px(a)}Z`;
    }
    mark("path", { d, class: `bar t-${s.tone}` }, parent);
  }
}

function drawLine(parent, view, s) {
  const sy = s.second ? view.sy2 : view.sy;
  let d = "";
  let pen = "M";
  s.x.forEach((x, k) => {
    if (!known(s.y[k])) pen = "M";
    else {
      d += `${pen}${px(view.sx(x))},${px(sy(s.y[k]))}`;
      pen = "L";
    }
  });
  if (view.shown.some((other) => other.shape === "bars")) mark("path", { d, class: "halo" }, parent);
  mark("path", { d, class: `line ${s.shape === "dashed" ? "dashed" : ""} t-${s.tone}` }, parent);
  if (view.rounds && s.x.length <= 40) {
    s.x.forEach((x, k) => known(s.y[k]) && mark("circle", { cx: px(view.sx(x)), cy: px(sy(s.y[k])), r: 3, class: `dot t-${s.tone}` }, parent));
  }
}

function drawMarker(svg, view, { marker, at, lane }) {
  const foot = marker.tone === "price" || marker.low === null ? view.bottom : view.top + 6;
  mark("line", { x1: px(at), x2: px(at), y1: view.top - 4 - lane * LANE, y2: foot, class: `mark-line t-${marker.tone}` }, svg);
}

// What a pointer at x reads: its value, every series there, and the markers around it.
function readPlot(view, x) {
  const rows = view.shown.map((s) => ({
    name: s.name, tone: s.tone, shape: s.shape,
    value: text(valueAt(s, x, s.shape !== "bars"), s.second ? view.chart.y2.unit : view.chart.y.unit),
    skip: s.shape === "bars" && !s.at.get(x) && view.chart.kind === "profile",
  })).filter((row) => row.value !== UNKNOWN && !row.skip);
  const band = view.chart.band;
  const k = band ? band.x.indexOf(x) : -1;
  if (k >= 0 && known(band.low[k])) {
    rows.push({ name: band.label, tone: band.tone, shape: "band", value: `${text(band.low[k], view.chart.y.unit)} … ${known(band.high[k]) ? text(band.high[k], view.chart.y.unit) : "∞"}` });
  }
  const notes = view.chart.marks
    .filter((m) => (m.low !== null && x >= m.low && x <= m.high) || Math.abs(view.sx(m.x) - view.sx(x)) < 4)
    .map((m) => (m.detail ? `${m.label}: ${m.detail}` : m.label));
  return { title: `${view.chart.x.title} ${text(x, view.chart.x.unit)}`, rows, notes };
}
