// One figure: legend, buttons, drawing, crosshair, keyboard.
const ZOOMED = ["profile", "ladder", "timeline"];

function startFigure(node, chart) {
  for (const s of chart.series) s.at = new Map(s.x.map((x, k) => [x, s.y[k]]));
  const categorical = chart.kind === "bars";
  const figure = {
    node, chart, categorical,
    plot: node.querySelector(".plot"),
    spoken: node.querySelector(".spoken"),
    state: { hidden: new Set(), zoom: null, at: null },
  };
  node.figure = figure;
  figure.tip = html("div", "tip", "", figure.plot);
  figure.tip.hidden = true;
  legend(figure);
  tools(figure);
  new ResizeObserver(() => {
    const width = Math.floor(figure.plot.clientWidth);
    if (width && width !== figure.width) redraw(figure);
  }).observe(figure.plot);
  redraw(figure);
}

function redraw(figure) {
  const { chart, state, plot, categorical } = figure;
  figure.width = Math.max(240, Math.floor(plot.clientWidth) || 720);
  figure.view = (categorical ? barsView : plotView)(chart, state, figure.width);
  const { height } = figure.view;
  const svg = mark("svg", { viewBox: `0 0 ${figure.width} ${height}`, tabindex: 0, role: "img", "aria-roledescription": "chart", "aria-label": `${chart.title}. Arrow keys read the values.` });
  (categorical ? drawBars : drawPlot)(svg, figure.view);
  if (!chart.series.some((s) => s.y.some(known)) && !chart.steps) {
    words("Nothing to show: no value is known.", figure.width / 2, height / 2 - 10, "category", svg, "middle");
  }
  figure.cursor = mark("g", { class: "cursor" }, svg);
  const focused = figure.svg && document.activeElement === figure.svg;
  if (figure.svg) figure.svg.replaceWith(svg);
  else plot.prepend(svg);
  figure.svg = svg;
  if (focused) svg.focus({ preventScroll: true });
  listen(figure);
  point(figure, null);
}

function legend(figure) {
  const { chart, state } = figure;
  if (chart.steps || (chart.series.length < 2 && !chart.band)) return;
  const list = figure.node.querySelector(".legend");
  chart.series.forEach((s, k) => {
    const button = html("button", "key", "", list);
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.title = "Show or hide";
    html("i", `swatch ${s.shape} t-${s.tone}`, "", button);
    html("span", "", s.name, button);
    button.addEventListener("click", () => {
      if (!state.hidden.delete(k)) state.hidden.add(k);
      button.setAttribute("aria-pressed", String(!state.hidden.has(k)));
      redraw(figure);
    });
  });
  if (chart.band) {
    const entry = html("span", "key", "", list);
    html("i", `swatch band t-${chart.band.tone}`, "", entry);
    html("span", "", chart.band.label, entry);
  }
}

function tools(figure) {
  const bar = figure.node.querySelector(".tools");
  const add = (label, title, act) => {
    const button = html("button", "tool", label, bar);
    button.type = "button";
    button.title = title;
    button.setAttribute("aria-label", title);
    button.addEventListener("click", act);
    return button;
  };
  if (ZOOMED.includes(figure.chart.kind)) {
    add("+", "Zoom in", () => zoomBy(figure, 0.5));
    add("−", "Zoom out", () => zoomBy(figure, 2));
    figure.reset = add("All", "Show the whole range", () => zoomTo(figure, null));
    figure.reset.disabled = true;
  }
  add("CSV", "Save this chart's values as CSV", () => save(`${figure.chart.key}.csv`, chartCsv(figure.chart)));
}

function zoomBy(figure, share) {
  const { view, chart, state } = figure;
  const anchor = state.at ?? (chart.marks.find((m) => m.tone === "price") || {}).x ?? (view.low + view.high) / 2;
  const centre = Math.min(Math.max(anchor, view.low), view.high);
  const half = ((view.high - view.low) * share) / 2;
  zoomTo(figure, [centre - half, centre + half]);
}

function zoomTo(figure, range) {
  const { full, bin } = figure.view;
  if (range) {
    const wide = Math.max(range[1] - range[0], bin * 4);
    let low = Math.max(full[0], (range[0] + range[1] - wide) / 2);
    const high = Math.min(full[1], low + wide);
    low = Math.max(full[0], high - wide);
    range = low <= full[0] && high >= full[1] ? null : [low, high];
  }
  figure.state.zoom = range;
  figure.reset.disabled = !range;
  redraw(figure);
}

function listen(figure) {
  const { svg, categorical } = figure;
  const zooms = ZOOMED.includes(figure.chart.kind);
  const place = (event) => {
    const frame = svg.getBoundingClientRect();
    const scale = figure.width / frame.width;
    return [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
  };
  let start = null;
  svg.addEventListener("pointerdown", (event) => {
    if (zooms && event.pointerType === "mouse" && event.button === 0) {
      start = place(event)[0];
      svg.setPointerCapture(event.pointerId);
      event.preventDefault();
      svg.focus({ preventScroll: true });
    }
  });
  svg.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    point(figure, nearest(figure, x, y), start === null ? null : [start, x]);
  });
  svg.addEventListener("pointerup", (event) => {
    const [x] = place(event);
    const from = start;
    start = null;
    if (from !== null && Math.abs(x - from) > 8) {
      zoomTo(figure, [figure.view.sx.back(from), figure.view.sx.back(x)].sort((a, b) => a - b));
    }
  });
  svg.addEventListener("pointerleave", () => start === null && point(figure, null));
  svg.addEventListener("dblclick", () => zooms && zoomTo(figure, null));
  svg.addEventListener("blur", () => point(figure, null));
  svg.addEventListener("keydown", (event) => walk(figure, event, categorical));
}

function nearest(figure, x, y) {
  const { view, categorical } = figure;
  if (categorical) {
    const k = view.rows.findIndex((r) => y < r.y + r.height + 6);
    return k < 0 ? view.rows.length - 1 : k;
  }
  let best = 0;
  view.xs.forEach((value, k) => {
    if (Math.abs(view.sx(value) - x) < Math.abs(view.sx(view.xs[best]) - x)) best = k;
  });
  return view.xs.length ? best : null;
}

function walk(figure, event, categorical) {
  const { view } = figure;
  const last = (categorical ? view.rows : view.xs).length - 1;
  const turn = view.flipped ? -1 : 1;
  const now = figure.index;
  const moves = {
    ArrowRight: (now ?? (turn > 0 ? -1 : last + 1)) + turn, ArrowLeft: (now ?? (turn > 0 ? last + 1 : -1)) - turn,
    ArrowDown: categorical ? (now ?? -1) + 1 : null, ArrowUp: categorical ? (now ?? last + 1) - 1 : null,
    PageDown: (now ?? 0) + 10 * turn, PageUp: (now ?? 0) - 10 * turn,
    Home: turn > 0 ? 0 : last, End: turn > 0 ? last : 0, Escape: -1,
  };
  const to = moves[event.key];
  if (to === undefined || to === null || last < 0) return;
  event.preventDefault();
  if (event.key === "Escape") {
    point(figure, null);
    return;
  }
  point(figure, Math.min(Math.max(to, 0), last));
  figure.spoken.textContent = figure.tip.textContent;
}

function point(figure, index, drag = null) {
  const { view, cursor, tip, categorical, state } = figure;
  figure.index = index;
  cursor.replaceChildren();
  tip.hidden = index === null;
  state.at = index === null || categorical ? null : view.xs[index];
  if (index === null) return;
  if (categorical) {
    const row = view.rows[index];
    fillTip(figure, readBars(view, row), Math.min(view.sx(Math.max(row.from, row.to)), view.right), row.y);
    return;
  }
  const x = view.sx(state.at);
  if (drag) {
    const [a, b] = [...drag].sort((p, q) => p - q);
    mark("rect", { x: px(a), width: px(b - a), y: view.top, height: view.bottom - view.top, class: "drag" }, cursor);
  }
  mark("line", { x1: px(x), x2: px(x), y1: view.top, y2: view.bottom, class: "hair" }, cursor);
  for (const s of view.shown) {
    const value = s.shape === "bars" ? null : valueAt(s, state.at, true);
    if (known(value)) mark("circle", { cx: px(x), cy: px((s.second ? view.sy2 : view.sy)(value)), r: 4, class: `dot t-${s.tone}` }, cursor);
  }
  fillTip(figure, readPlot(view, state.at), x, view.top);
}

function fillTip(figure, { title, rows, notes }, x, y) {
  const { tip } = figure;
  tip.replaceChildren();
  html("b", "", title, tip);
  for (const row of rows) {
    const line = html("div", "tip-row", "", tip);
    html("i", `swatch ${row.shape} t-${row.tone}`, "", line);
    html("span", "", row.name + " ", line);
    html("strong", "", row.value + " ", line);
  }
  for (const note of notes) html("p", "", note, tip);
  const scale = figure.svg.clientWidth / figure.width || 1;
  const room = figure.plot.clientWidth - tip.offsetWidth;
  const beside = x * scale + 14;
  const left = beside <= room ? beside : x * scale - 14 - tip.offsetWidth;
  const top = figure.view.narrow ? 0 : y * scale;
  tip.style.transform = `translate(${Math.max(0, Math.min(left, room))}px, ${top}px)`;
}

function chartCsv(chart) {
  const xs = [...new Set([...chart.series.flatMap((s) => s.x), ...(chart.band ? chart.band.x : [])])];
  const head = [chart.x.title || "Category", ...chart.series.map((s) => s.name)];
  if (chart.band) head.push(`${chart.band.label} low`, `${chart.band.label} high`);
  const lines = xs.map((x) => {
    const k = chart.band ? chart.band.x.indexOf(x) : -1;
    const spread = chart.band ? [chart.band.low[k], chart.band.high[k]] : [];
    return [x, ...chart.series.map((s) => s.at.get(x)), ...spread];
  });
  return csvText([head, ...lines]);
}
