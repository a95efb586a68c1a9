// A run played: every market a row, its price change a dot, what was forced a disc, depth a bar.
const PLAYED_MS = 20000;

function startReplay(node, chart) {
  const replay = {
    node, chart, at: 0, timer: null,
    plot: node.querySelector(".plot"),
    spoken: node.querySelector(".spoken"),
    most: Math.max(1, ...chart.long_usd.flat(), ...chart.short_usd.flat()),
    forced: runningSums(chart),
  };
  node.replay = replay;
  const changes = chart.change.flat().filter(known);
  replay.reach = [Math.min(0, ...changes), Math.max(0, ...changes)];
  const bar = node.querySelector(".scrub");
  replay.button = html("button", "tool play", "Play", bar);
  replay.button.type = "button";
  replay.slider = html("input", "", "", bar);
  Object.assign(replay.slider, { type: "range", min: 0, max: Math.max(0, chart.second.length - 1), step: 1, value: 0 });
  replay.slider.setAttribute("aria-label", `${chart.title}: time`);
  replay.clock = html("output", "", "", bar);
  replay.button.addEventListener("click", () => (replay.timer ? pause(replay) : play(replay)));
  replay.slider.addEventListener("input", () => {
    pause(replay);
    show(replay, Number(replay.slider.value));
    replay.spoken.textContent = replaySentence(replay);
  });
  new ResizeObserver(() => {
    const width = Math.floor(replay.plot.clientWidth);
    if (width && width !== replay.width) show(replay, replay.at);
  }).observe(replay.plot);
  show(replay, worstFrame(chart));
}

function runningSums(chart) {
  let sum = 0;
  return chart.second.map((_, f) => (sum += total(chart.long_usd[f]) + total(chart.short_usd[f])));
}

const total = (row) => row.reduce((a, b) => a + (b || 0), 0);

// The page opens at the worst moment: a still figure then says something.
function worstFrame(chart) {
  const mean = chart.change.map((row) => total(row));
  return mean.length ? mean.indexOf(Math.min(...mean)) : 0;
}

function play(replay) {
  const last = replay.chart.second.length - 1;
  if (replay.at >= last) show(replay, 0);
  const begin = performance.now() - (replay.at / Math.max(1, last)) * PLAYED_MS;
  replay.button.textContent = "Pause";
  const tick = (now) => {
    // a frame may have begun before the click that it follows
    const frame = Math.max(0, Math.min(last, Math.floor(((now - begin) / PLAYED_MS) * last)));
    if (frame !== replay.at) show(replay, frame);
    replay.timer = frame < last ? requestAnimationFrame(tick) : null;
    if (!replay.timer) pause(replay);
  };
  replay.timer = requestAnimationFrame(tick);
}

function pause(replay) {
  if (replay.timer) cancelAnimationFrame(replay.timer);
  replay.timer = null;
  replay.button.textContent = "Play";
}

function show(replay, frame) {
  const { chart, plot } = replay;
  replay.at = frame;
  replay.slider.value = frame;
  replay.clock.textContent = clockText(chart.second[frame] ?? 0);
  replay.slider.setAttribute("aria-valuetext", replay.clock.textContent);
  replay.width = Math.max(240, Math.floor(plot.clientWidth) || 720);
  const view = replayView(replay);
  const svg = mark("svg", { viewBox: `0 0 ${replay.width} ${view.height}`, role: "img", "aria-label": replaySentence(replay) });
  drawReplay(svg, replay, view, frame);
  const before = plot.querySelector("svg");
  if (before) before.replaceWith(svg);
  else plot.prepend(svg);
  replay.node.dispatchEvent(new CustomEvent("frame", { detail: frame }));
}

function replayView(replay) {
  const { chart, width, reach } = replay;
  const narrow = width < 520;
  const left = Math.min(width * 0.36, Math.max(...chart.names.map((n) => widthOf(n, 13)), 0) + 14);
  const deep = narrow ? 46 : 110;
  const right = width - deep - 30;
  const axis = roundAxis(reach[0], reach[1], narrow ? 3 : 7, false);
  const [top, row] = [34, 28];
  const bottom = top + row * chart.names.length;
  return { narrow, left, right, deep, axis, top, row, bottom, height: bottom + 40, sx: linear(axis.low, axis.high, left + 12, right - 12) };
}

function drawReplay(svg, replay, view, frame) {
  const { chart, most, forced } = replay;
  for (const tick of view.axis.ticks) {
    const x = px(view.sx(tick));
    mark("line", { x1: x, x2: x, y1: view.top, y2: view.bottom, class: tick === 0 ? "base" : "grid" }, svg);
    words(tickText(tick, "fraction"), x, view.bottom + 16, "tick", svg, "middle");
  }
  words("Price against the start", view.left, view.bottom + 36, "axis-title", svg);
  words("Depth", view.right + 18, view.bottom + 16, "tick", svg);
  words(`Forced so far ${text(forced[frame] ?? 0, "usd")}`, view.left, 18, "clock", svg);
  chart.names.forEach((name, m) => {
    const y = view.top + view.row * (m + 0.5);
    words(marketIn(name, view.left - 14), view.left - 10, y + 4, "category", svg, "end");
    const change = chart.change[frame]?.[m];
    if (known(change)) {
      const x = px(view.sx(change));
      for (const [tone, usd] of [["long", chart.long_usd[frame][m]], ["short", chart.short_usd[frame][m]]]) {
        // area in proportion to what was forced
        if (usd > 0) mark("circle", { cx: x, cy: y, r: px(Math.max(1.5, 26 * Math.sqrt(usd / most))), class: `blast t-${tone}` }, svg);
      }
      mark("circle", { cx: x, cy: y, r: 3.5, class: "dot t-price" }, svg);
    }
    const depth = chart.depth[frame]?.[m];
    mark("rect", { x: px(view.right + 18), y: y - 4, width: view.deep, height: 8, class: "level" }, svg);
    if (known(depth)) mark("rect", { x: px(view.right + 18), y: y - 4, width: px(view.deep * Math.min(1, depth)), height: 8, class: "bar t-accent" }, svg);
  });
}

// A market whose venue is cut where there is no room: the asset stays.
function marketIn(name, room) {
  const [venue, asset] = name.split(":");
  if (!asset || widthOf(name, 13) <= room) return fitted(name, room);
  return `${fitted(venue, room - widthOf(`:${asset}`, 13))}:${asset}`;
}

function replaySentence(replay) {
  const { chart, at } = replay;
  const parts = chart.names.map((name, m) => `${name} ${text(chart.change[at]?.[m], "fraction")}`);
  return `At ${clockText(chart.second[at] ?? 0)}: forced so far ${text(replay.forced[at] ?? 0, "usd")}; ${parts.join(", ")}`;
}
