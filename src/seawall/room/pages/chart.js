// The chart of the map page: the library, its looks, its keys, and the span in the address.

import { localZone } from "/static/settings.js";
import { clock, day, h, ink, price, zoneName } from "/static/words.js";

export const library = () => new Promise((done, failed) => {
  if (globalThis.LightweightCharts) return done(globalThis.LightweightCharts);
  const script = h("script", { src: "/static/lightweight-charts.js" });
  script.addEventListener("load", () => done(globalThis.LightweightCharts));
  script.addEventListener("error", () => failed(new Error("the chart library did not load")));
  document.head.append(script);
});

const large = () => matchMedia("(min-width: 2200px)").matches;

// The label of the last price is white on its line's colour, in either theme.
const LINE = "#1c8560";

export function candleInks(hidden = false) {
  const [up, down] = hidden ? ["transparent", "transparent"] : [ink("up"), ink("down")];
  return { priceLineColor: LINE, upColor: up, downColor: down, wickUpColor: up, wickDownColor: down };
}

export function look(timeless = false) {
  const rule = ink("rule"), cross = { color: ink("soft"), labelBackgroundColor: "#4b5865" };
  return { layout: { background: { color: ink("paper") }, textColor: ink("soft"), attributionLogo: true, fontSize: large() ? 17 : 12 },
    crosshair: { vertLine: cross, horzLine: cross },
    grid: { vertLines: { visible: false }, horzLines: { visible: false } }, rightPriceScale: { borderColor: rule, scaleMargins: { top: 0.04, bottom: 0.04 } },
    timeScale: { borderColor: rule, visible: !timeless, timeVisible: true, secondsVisible: false, tickMarkFormatter: (second, kind) => (localZone() && kind >= 3 ? clock(new Date(1000 * second).toISOString()).slice(0, 5) : null) } };
}

// The library counts in UTC; where another zone is chosen the labels are written here.
function zoned() {
  const written = (second) => { const iso = new Date(1000 * second).toISOString(); return `${day(iso)} ${clock(iso)}`; };
  return { localization: { timeFormatter: (second) => `${written(second)} ${zoneName()}` } };
}

// `beyond` gives prices that the scale is to hold as well, as [low, high] of what the candles span.
export function chartOf(charts, box, timeless, beyond) {
  const priced = { priceFormat: { type: "custom", formatter: price, minMove: 1e-6 } };
  const chart = charts.createChart(box, { autoSize: true, ...look(timeless), ...zoned() });
  chart.applyOptions({ crosshair: { mode: charts.CrosshairMode.Normal } });
  const candles = chart.addSeries(charts.CandlestickSeries, { ...candleInks(), borderVisible: false, ...priced,
    autoscaleInfoProvider: (plain) => {
      const found = plain();
      if (!found) return found;
      const [minValue, maxValue] = beyond(found.priceRange.minValue, found.priceRange.maxValue);
      return { ...found, priceRange: { minValue, maxValue } };
    } });
  return { chart, candles };
}

// Candles on an even clock: a time without one keeps its place, so that a second has its pixel.
export function spaced(rows, step) {
  const points = [];
  for (const [time, open, high, low, close] of rows) {
    for (let next = points.length ? points.at(-1).time + step : time; next < time; next += step) points.push({ time: next });
    points.push({ time, open, high, low, close });
  }
  return points;
}

// The span that is looked at stands in the address, so that a link restores the view. What it gives
// ends that: a span that was not written yet belongs to no other page's address.
export function restore(chart, box) {
  const given = new URLSearchParams(location.search), from = Number(given.get("from")), to = Number(given.get("to"));
  const scale = chart.timeScale();
  if (from && to > from) scale.setVisibleRange({ from, to });
  else scale.fitContent();
  let waiting = 0, moved = false;
  for (const kind of ["wheel", "pointerdown", "keydown"]) box.addEventListener(kind, () => { moved = true; }, { passive: true });
  scale.subscribeVisibleTimeRangeChange((range) => {
    if (!range || !moved) return;
    // some time after the first move: a recording that is played fast moves the span all the time
    waiting ||= setTimeout(() => {
      waiting = 0;
      const now = scale.getVisibleRange();
      if (!now || location.pathname !== "/map") return;
      const kept = new URLSearchParams(location.search);
      kept.set("from", now.from);
      kept.set("to", now.to);
      history.replaceState(null, "", `/map?${kept}`);
    }, 400);
  });
  return () => { clearTimeout(waiting); moved = false; };
}

// Arrows pan, + and - zoom, 0 fits; with Shift the arrows move the crosshair, whose read-out is spoken.
export function keyed(view, box, spoken) {
  let cross = null;
  box.addEventListener("keydown", (event) => {
    const scale = view.chart.timeScale(), range = scale.getVisibleLogicalRange();
    if (!range) return;
    const wide = range.to - range.from, shift = { ArrowLeft: -0.1, ArrowRight: 0.1 }[event.key], zoom = { "+": 0.8, "=": 0.8, "-": 1.25 }[event.key];
    const points = view.candles.data();
    if (event.shiftKey && event.key.startsWith("Arrow") && points.length) {
      const inside = box.querySelector("canvas").clientHeight;
      cross ??= { k: points.length - 1, y: inside / 2 };
      cross.k = Math.max(0, Math.min(points.length - 1, cross.k + ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0)));
      cross.y = Math.max(0, Math.min(inside, cross.y + ({ ArrowUp: -6, ArrowDown: 6 }[event.key] ?? 0)));
      const level = view.candles.coordinateToPrice(cross.y);
      if (level !== null) view.chart.setCrosshairPosition(level, points[cross.k].time, view.candles);
      spoken(scale.logicalToCoordinate(cross.k), cross.y);
    } else if (shift) scale.setVisibleLogicalRange({ from: range.from + shift * wide, to: range.to + shift * wide });
    else if (zoom) scale.setVisibleLogicalRange({ from: range.to - zoom * wide, to: range.to });
    else if (event.key === "0") scale.fitContent();
    else return;
    event.preventDefault();
  });
}
