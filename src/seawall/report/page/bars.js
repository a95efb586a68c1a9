// Bars by category, lying down so that long names can be read; a waterfall where asked.
function barsView(chart, state, width) {
  const shown = chart.series.filter((s, k) => !state.hidden.has(k));
  const names = [...new Set(chart.series.flatMap((s) => s.x))];
  const view = { chart, width, shown, names, over: width < 520 };
  view.rows = chart.steps ? steps(shown[0], names) : names.flatMap((name) => shown.map((s, k) => ({
    name: k ? "" : name, of: name, series: s.name, from: 0, to: s.at.get(name) ?? null, value: s.at.get(name) ?? null, tone: s.tone,
    low: s.low ? s.low[s.x.indexOf(name)] : null, high: s.high ? s.high[s.x.indexOf(name)] : null,
  })));
  const ends = view.rows.flatMap((r) => [r.from, r.to, r.low, r.high]).filter(known);
  const [low, high] = [Math.min(...ends, 0), Math.max(...ends, 0) || (Math.min(...ends, 0) ? 0 : 1)];
  const step = stepFor(low, high, Math.max(3, Math.min(6, Math.floor(width / 130))));
  view.axis = { low, high, ticks: ticksOver(low, high, step) };
  const unit = chart.y.unit;
  const room = Math.max(...view.rows.map((r) => widthOf(text(r.value, unit))), 0) + 14;
  view.left = view.over ? 1 : Math.min(width * 0.36, Math.max(...names.map((n) => widthOf(n, 13)), 0) + 14);
  view.right = width - room;
  // names stand left of what is written beside bars that point back
  view.names_end = view.left - 10;
  if (view.axis.low < 0) view.left += room;
  view.sx = linear(view.axis.low, view.axis.high, view.left, view.right);
  view.top = 10;
  let y = view.top;
  const thick = shown.length > 1 ? 15 : 22;
  for (const row of view.rows) {
    if (row.name || chart.steps) y += (view.over ? 22 : 0) + (row === view.rows[0] ? 0 : 10);
    [row.y, row.height] = [y, thick];
    y += thick + 2;
  }
  view.bottom = y + 6;
  view.height = view.bottom + 40;
  return view;
}

// Signed steps from nothing; an unknown step is the running total.
function steps(series, names) {
  let level = 0;
  return !series ? [] : names.map((name) => {
    const value = series.at.get(name);
    const from = known(value) ? level : 0;
    if (known(value)) level += value;
    return { name, of: name, series: series.name, from, to: level, value: known(value) ? value : level, level, step: known(value), tone: !known(value) ? "plain" : value > 0 ? "loss" : "gain" };
  });
}

function drawBars(svg, view) {
  const { chart, axis, top, bottom } = view;
  for (const tick of axis.ticks) {
    const x = px(view.sx(tick));
    mark("line", { x1: x, x2: x, y1: top, y2: bottom, class: "grid" }, svg);
    const label = tickText(tick, chart.y.unit);
    words(label, Math.max(x, widthOf(label) / 2), bottom + 16, "tick", svg, "middle");
  }
  words(chart.y.title, view.left, bottom + 36, "axis-title", svg);
  const zero = px(view.sx(0));
  mark("line", { x1: zero, x2: zero, y1: top, y2: bottom, class: "base" }, svg);
  if (chart.steps) view.rows.slice(1).forEach((row, k) => drawJoint(svg, view, view.rows[k], row));
  for (const row of view.rows) drawBar(svg, view, row);
}

function drawBar(svg, view, row) {
  const middle = row.y + row.height / 2;
  if (row.name && view.over) words(row.name, 6, row.y - 6, "category", svg);
  else if (row.name) {
    const label = words(fitted(row.name, view.names_end - 4), view.names_end, categoryMiddle(view, row), "category", svg, "end");
    mark("title", {}, label).textContent = row.name;
  }
  if (!known(row.to)) {
    words(UNKNOWN, view.sx(0) + 6, middle + 4, "value", svg);
    return;
  }
  const [a, b] = [view.sx(row.from), view.sx(row.to)].sort((p, q) => p - q);
  mark("rect", { x: px(a), y: row.y, width: px(Math.max(b - a, 1)), height: row.height, class: `bar t-${row.tone}` }, svg);
  const behind = row.to < row.from && !row.step;
  const [low, high] = known(row.low) && known(row.high) ? [view.sx(row.low), view.sx(row.high)] : [a, b];
  if (known(row.low) && known(row.high)) {
    const d = `M${px(low)},${middle - 4}v8M${px(low)},${middle}H${px(high)}M${px(high)},${middle - 4}v8`;
    mark("path", { d, class: "whisker" }, svg);
  }
  words(text(row.value, view.chart.y.unit), behind ? Math.min(a, low) - 6 : Math.max(b, high) + 6, middle + 4, "value", svg, behind ? "end" : "start");
}

function drawJoint(svg, view, row, next) {
  const x = px(view.sx(row.level));
  mark("line", { x1: x, x2: x, y1: row.y + row.height, y2: next.y, class: "joint" }, svg);
}

function categoryMiddle(view, row) {
  const deep = view.chart.steps ? row.height : view.shown.length * (row.height + 2) - 2;
  return row.y + deep / 2 + 4;
}

function fitted(name, room) {
  if (widthOf(name, 13) <= room) return name;
  let cut = name;
  while (cut.length > 1 && widthOf(cut + "…", 13) > room) cut = cut.slice(0, -1);
  return cut + "…";
}

function readBars(view, row) {
  const unit = view.chart.y.unit;
  const spread = (r) => (known(r.low) && known(r.high) ? ` (${text(r.low, unit)} … ${text(r.high, unit)})` : "");
  const rows = view.rows.filter((r) => r.of === row.of).map((r) => ({ name: r.series, tone: r.tone, shape: "bars", value: text(r.value, unit) + spread(r) }));
  if (row.step) rows.push({ name: "Left after it", tone: "plain", shape: "bars", value: text(row.level, unit) });
  return { title: row.of, rows, notes: [] };
}
