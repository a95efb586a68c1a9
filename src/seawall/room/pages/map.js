// Map: candles over the liquidation map, what was realised as dots, clusters on it and below it.

import { setting } from "/static/settings.js";
import { onceDrawn } from "/static/books.js";
import { asked, clock, day, h, keep, percent, price, usd, zoneName } from "/static/words.js";
import { candleInks, chartOf, keyed, library, look, restore, spaced } from "/static/chart.js";
import { candlesOf, ofBook, ofRun } from "/static/grids.js";
import { Heat, key, signed } from "/static/heat.js";

export const title = "Map";
const RUN = "run", A_SIDE = 5, FEW = 3, RETRY_MS = 2000, LONGEST_MS = 30_000;
const iso = (second) => new Date(1000 * second).toISOString();
const when = (second) => `${day(iso(second))} ${clock(iso(second))}`;

export async function open(main, line, left) {
  const [live, books, sheets] = await Promise.all(["live", "books", "candles"].map((what) => asked(`/api/v1/${what}`)));
  const wanted = new URLSearchParams(location.search), played = live.source === "recording";
  // where a book was given there is no example, and that book is shown
  const own = !books.some((b) => b.book === "example");
  const first = played && !own ? RUN : "default";
  const of = wanted.get("book") ?? first;
  const found = of === RUN ? null : books.find((b) => b.book === of);
  if (of === RUN ? !played : !found) return gone(main, first);
  if (found && !found.ready) main.replaceChildren();
  const book = found && (await onceDrawn(main, found, left));
  const assets = of === RUN ? live.assets : book.assets;
  const missed = wanted.get("asset") && assets.length && !assets.includes(wanted.get("asset")) ? wanted.get("asset").slice(0, 20) : "";
  const asset = [wanted.get("asset"), setting("asset"), "BTC", assets[0]].find((a) => assets.includes(a));
  if (!asset) return main.replaceChildren(h("div", { class: "wrong", role: "alert" }, book?.error ? `This book cannot be used: ${book.error} ` : "There is nothing to draw a map of. ", h("a", { href: "/map" }, "Open this page again")));
  const files = of === RUN ? [] : [...(live.source === "store" ? [["store", `${live.title}, prices stored in it`]] : []), ...sheets.filter((s) => s.assets.includes(asset)).map((s) => [s.candles, s.name])];
  const usual = files.find(([k]) => k === "store" || (k !== "example" ? own || of !== "default" : of === "example"))?.[0] ?? "";
  const chosen = files.some(([k]) => k === wanted.get("candles")) || wanted.get("candles") === "" ? wanted.get("candles") : usual;
  const state = { asset, of, book, live, first, usual, chosen, played, waiting: null, dead: false };
  if (missed) keepAsset(asset);
  const page = laid(main, state, assets, [...(played ? [[RUN, "the recorded run, through time"]] : []), ...books.map((b) => [b.book, b.name])], files);
  if (missed) main.prepend(h("div", { class: "wrong", id: "missed", role: "status" }, `There is no ${missed} in ${of === RUN ? "the recorded run" : book.name}: ${asset} is shown.`));
  await begin(state, page);
  listen(state, page, line);
  return () => { state.dead = true; removeEventListener("themed", state.themed); state.kept?.(); for (const timer of [state.timer, state.retry, state.dotsRetry]) clearTimeout(timer); state.view?.chart.remove(); };
}

// An address that names what is not there is mended, so that a link to it says what is shown.
function keepAsset(asset) {
  const kept = new URLSearchParams(location.search);
  kept.set("asset", asset);
  for (const name of ["from", "to"]) kept.delete(name);
  history.replaceState(null, "", `/map?${kept}`);
}

function gone(main, first) {
  main.replaceChildren(h("div", { class: "wrong", role: "alert" }, "This book is no longer on the server. ", h("a", { href: "/map" }, first === RUN ? "Show the recorded run" : "Show the book that the server opened with")));
}

// Until what it acts on is there a button is disabled: a click is never lost.
const button = (words, title) => h("button", { class: "tool", type: "button", title, disabled: true }, words);
const mark = (look, words) => h("span", {}, h("i", { class: look, "aria-hidden": "true" }), words);
const chooser = (words, name, all, now) => h("label", {}, words, h("select", { id: `map-${name}`, on: { change: (e) => go({ [name]: e.target.value }) } }, ...all.map(([v, w]) => h("option", { value: v, selected: v === now }, w))));

function go(given) {
  const kept = new URLSearchParams(location.search);
  for (const name of ["from", "to"]) kept.delete(name);
  for (const [name, value] of Object.entries(given)) kept.set(name, value);
  if (given.book !== undefined) kept.delete("candles");
  history.pushState(null, "", `/map?${kept}`);
  dispatchEvent(new PopStateEvent("popstate"));
}

function laid(main, state, assets, sources, files) {
  const { asset, of, played } = state, kind = played ? "simulated" : "measured";
  const page = {
    now: h("span", { class: "quiet", id: "now" }), box: h("div", { class: "chart", role: "application", tabindex: "0", "aria-busy": "true", "aria-label": `${asset}: price and liquidation map`, "aria-describedby": "read" }),
    read: h("p", { class: "read", id: "read" }), ramp: h("span", { class: "ramp" }), clusters: h("tbody"), note: h("p", { class: "note", id: "of" }),
    fit: button("Fit"), png: button("PNG"), candles: button("CSV candles"), cells: button("CSV map", "Every cell that is drawn, in USD"), dots: button("CSV dots", "Each dot that is drawn"), table: button("CSV"), missing: h("span", { class: "quiet", id: "dots-missing", role: "status" }),
  };
  main.replaceChildren(
    h("div", { class: "bar" }, h("h1", {}, `${asset} liquidation map`), page.now),
    h("div", { class: "bar tools" }, chooser("Of", "book", sources, of), chooser("Asset", "asset", assets.map((a) => [a, a]), asset),
      files.length ? chooser("Candles", "candles", [...files, ["", "none"]], state.chosen) : null, page.fit, page.png, page.candles, page.cells, page.dots, page.missing),
    h("section", { class: "card" }, page.read, page.box, h("div", { class: "legend" },
      h("span", { class: "shades" }, "Would be forced in a cell, USD, modelled", page.ramp),
      h("span", { class: "realised" }, mark("dot-long", `long liquidated, ${kind}`)), h("span", { class: "realised" }, mark("dot-short", `short liquidated, ${kind}`)),
      h("span", { id: "scale" })),
      h("p", { class: "note" }, h("span", { class: "realised" }, "A dot's area grows with its USD; a takeover, and what OKX and Bybit tell, stands at its bankruptcy price. "), "Dashed: the nearest clusters, with USD and distance from the price. Arrows pan, + and - zoom, 0 fits, Shift and arrows read out.")),
    h("section", { class: "card", id: "clusters" }, h("div", { class: "head" }, h("h2", {}, "Clusters, nearest first"), page.table), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Clusters" }, h("table", {},
      h("thead", {}, h("tr", {}, ...["Side", "Peak", "USD", "Distance", "σ of a day", "From", "To"].map((w, k) => h("th", { scope: "col", class: k ? (k > 4 ? "num wide-only" : "num") : null }, w)))), page.clusters)), page.note),
  );
  return page;
}

async function begin(state, page) {
  const charts = await library();
  await load(state, page);
  const view = state.view = chartOf(charts, page.box, state.timeless, (low, high) => beyond(state, low, high));
  const heat = state.heat = new Heat(view.chart, view.candles);
  // without time there is one candle, as wide as the chart: its price line alone says where the mark is
  view.candles.applyOptions(candleInks(state.timeless));
  view.candles.attachPrimitive(heat);
  state.drawn = () => draw(state, page);
  state.drawn();
  for (const words of document.querySelectorAll(".realised")) words.hidden = !state.dotted;
  if (state.timeless) view.chart.timeScale().fitContent();
  else state.kept = restore(view.chart, page.box);
  const shown = (x, y) => { page.read.textContent = told(state, x, y); };
  view.chart.subscribeCrosshairMove((param) => { if (param.point && param.sourceEvent) { page.read.removeAttribute("aria-live"); shown(param.point.x, param.point.y); } else if (!param.point) page.read.textContent = idle(state); });
  keyed(view, page.box, (x, y) => { page.read.setAttribute("aria-live", "polite"); shown(x, y); });
  page.read.textContent = idle(state);
  state.themed = () => { view.chart.applyOptions(look(state.timeless)); view.candles.applyOptions(candleInks(state.timeless)); heat.colours(); key(heat, state.grid.deepest, page.ramp); };
  addEventListener("themed", state.themed);
  saving(state, page);
  // until its first frame the chart has no width: it takes no key, and nothing stands under a pointer
  requestAnimationFrame(() => page.box.removeAttribute("aria-busy"));
}

// What is drawn, asked anew.
async function load(state, page) {
  if (state.of === RUN) {
    // all of it or nothing: what is drawn and what is known of it are of one moment
    const [found, counted] = [await ofRun(state.asset), await clustersOf(state.asset)];
    Object.assign(state, found, counted, { timeless: false, dotted: true, spot: found.candles.at(-1)[4], kind: "simulated", at: found.grid.first + found.grid.step * (found.columns.length - 1) });
  } else {
    const [found, candles] = await Promise.all([ofBook(state.of, state.asset), candlesOf(state.chosen, state.asset)]);
    Object.assign(state, found, { timeless: !candles, dotted: !state.played && !!candles, spot: found.mark, at: null, ...behind(candles, found) });
    state.grid.timeless = state.timeless;
  }
  page.clusters.replaceChildren(...rowsOf(state.clusters));
  page.note.textContent = noteOf(state);
}

// A book's map holds at each time; without candles the chart has one moment, at the mark.
function behind(found, { grid, mark: at }) {
  if (!found) return { candles: [[86_400, at, at, at, at]], kind: "", named: "" };
  grid.spacing = found.step_seconds;
  return { candles: found.candles, kind: found.kind, named: found.source };
}

async function clustersOf(asset) {
  const found = await asked(`/api/v1/live/map/${asset}/clusters`);
  return { clusters: found.clusters, passed: found.passed_usd, mark: found.price, counted: Date.parse(found.time) / 1000 };
}

function draw(state, page) {
  state.view.chart.timeScale().applyOptions({ rightOffsetPixels: state.timeless ? 0 : Math.min(150, page.box.clientWidth / 5) });
  state.view.candles.setData(spaced(state.candles, state.grid.spacing));
  state.heat.set(state.grid, state.columns);
  marks(state, page);
  key(state.heat, state.grid.deepest, page.ramp);
  const tall = (state.grid.high - state.grid.low) / state.grid.rows;
  page.now.parentElement.parentElement.querySelector("#scale").textContent = `Even in the logarithm. A cell is ${price(tall)} USD of price${state.grid.holds ? "" : ` and ${state.grid.step} s`}. Right edge: ${state.grid.holds ? "the map" : "the map now"}, USD a cell, linear.`;
  said(state, page);
}

function marks(state, page) {
  const few = page.box.clientWidth < 520 ? FEW : A_SIDE, near = nearest(state.clusters);
  state.heat.mark(["long", "short"].flatMap((side) => near.filter((c) => c.side === side).slice(0, few)));
}

const nearest = (clusters) => clusters.slice().sort((a, b) => Math.abs(a.distance) - Math.abs(b.distance));

// The map reaches beyond the candles: some room above and below, and for a book its clusters.
function beyond(state, low, high) {
  if (state.of === RUN) {
    const room = 0.35 * (high - low) + 0.004 * high;
    return [low - room, high + room];
  }
  const near = nearest(state.clusters), held = ["long", "short"].flatMap((side) => near.filter((c) => c.side === side).slice(0, A_SIDE));
  const bottom = Math.min(low, state.mark, ...held.map((c) => c.low)), top = Math.max(high, state.mark, ...held.map((c) => c.high)), room = Math.max(0.04 * state.mark, 0.12 * (top - bottom));
  return [Math.max(0, bottom - room), top + room];
}

const said = (state, page) => {
  page.now.textContent = state.of === RUN ? `${price(state.spot)} USD at ${clock(iso(state.at))} ${zoneName()}, simulated` : `mark of the book ${price(state.mark)} USD${state.named ? `; last candle ${price(state.candles.at(-1)[4])} at ${when(state.candles.at(-1)[0])} ${zoneName()}, ${state.kind}` : ""}`;
};

function noteOf(state) {
  if (state.of === RUN) return `Modelled, of the recorded run at ${price(state.mark)} USD, ${clock(iso(state.counted))} ${zoneName()}; each position stands where it was liquidated at the run's start. ${state.passed ? `${usd(state.passed)} that the price has passed without a closing is drawn and not counted.` : ""} Cells are kept in steps of 3.7%.`;
  const { below_usd: below, above_usd: above, never_usd: never, already_usd: already } = state.whole;
  const parts = [[below.long + below.short + above.long + above.short, "beyond the prices of the map"], [never, `at no price of ${state.asset} alone`], [already, "below maintenance already"]].filter(([sum]) => sum > 0).map(([sum, words]) => `${usd(sum)} ${words}`);
  return `Modelled, of ${state.book.name} at its mark of ${price(state.mark)} USD; distances are from it, whatever the candles show, and it is the same at each time of the axis.${parts.length ? ` Not drawn: ${parts.join("; ")}.` : ""}${!state.timeless ? "" : state.played ? " Send candles on Desk, or serve a store, to see prices before it." : ""}`;
}

function rowsOf(clusters) {
  if (!clusters.length) return [h("tr", {}, h("td", { colspan: 7, class: "quiet" }, "No cluster stands out."))];
  return nearest(clusters).map((c) => h("tr", {}, h("td", { class: c.side }, c.side), ...[price(c.peak), usd(c.notional_usd), signed(c.distance), c.sigmas === null ? "–" : c.sigmas.toFixed(1), price(c.low), price(c.high)].map((w, k) => h("td", { class: k > 3 ? "num wide-only" : "num" }, w))));
}

// Why there is no price on the chart stands where one looks for it.
const NO_PRICE = "No candles and no dots: the venues of this tape tell no price at which a liquidation was filled, and no marks are stored beside it. The command seawall tape poll stores them; candles can be sent on Desk. ";
const idle = (state) => (state.timeless ? (state.live.source === "store" && state.chosen === "store" ? NO_PRICE : "") + "Point at the map to read a price and the USD that would be forced there." : "Point at the map to read time, price, the USD of a cell, and a dot's event.");

// What stands under the crosshair, in words.
function told(state, x, y) {
  const found = state.heat.under(x, y);
  if (!found) return idle(state);
  const { time, level, cell, dot } = found, words = [];
  if (!state.timeless) words.push(`${when(time)} ${zoneName()}`);
  words.push(`${price(level)} USD`);
  if (cell) {
    const sides = ["long", "short"].filter((side) => cell[side] > 0).map((side) => `${usd(cell[side])} of ${side}s`).join(" and ") || "nothing";
    words.push(`cell ${price(cell.low)} to ${price(cell.high)}: ${sides}, modelled${cell.by.length ? ` (${cell.by.map(([name, sum]) => `${name} ${usd(sum)}`).join(", ")})` : ""}`);
  } else words.push("off the map");
  const candle = state.timeless ? null : state.view.candles.data().find((c) => c.time <= time && time < c.time + state.grid.spacing);
  if (candle?.open !== undefined) words.push(`O ${price(candle.open)} H ${price(candle.high)} L ${price(candle.low)} C ${price(candle.close)}, ${state.kind}`);
  if (dot) words.push(`${dot.side} ${dot.instrument} on ${dot.venue}: ${usd(dot.notional_usd)} at ${price(dot.price)}, ${clock(dot.time)}, ${dot.kind}, ${state.played ? "simulated" : "measured"}`);
  return words.join(" · ");
}

function listen(state, page, line) {
  let wait = RETRY_MS;
  // who asks for it while it is due or is to be tried again asks for the same
  const again = () => {
    if (state.due || state.retry) return;
    state.due = true;
    state.queue = (state.queue ?? Promise.resolve()).then(renewed);
  };
  const renewed = async () => {
    state.due = false;
    if (state.dead || state.retry) return;
    try {
      await renew(state, page);
      wait = RETRY_MS;
    } catch {
      if (!state.dead) state.retry = setTimeout(() => { state.retry = null; again(); }, wait);
      wait = Math.min(2 * wait, LONGEST_MS);
    }
  };
  line.hear("map", (frame) => {
    if (frame.anew && state.of !== RUN) return dispatchEvent(new PopStateEvent("popstate"));
    if (state.of !== RUN) return;
    // a snapshot stands for events that are gone: what is drawn holds only if it has as many columns
    if (frame.snapshot && (frame.anew || frame.snapshot.columns[state.asset] !== state.columns.length)) again();
    for (const event of frame.events ?? []) {
      if (event.restart) again();
      else if (event.asset === state.asset && !column(state, page, event)) again();
    }
  });
  line.hear("tape", (frame) => {
    // from here on each event is heard: those before are asked for once
    if (frame.snapshot && state.dotted) dotsSoFar(state, page);
    for (const event of frame.events ?? []) if (event.asset === state.asset && state.dotted) state.heat.dot(event);
    if (frame.events?.some((e) => e.asset === state.asset) && state.chosen === "store") later(state, 5000, () => candlesAgain(state, page));
  });
}

// All of it again; columns that come meanwhile are put behind it.
async function renew(state, page) {
  state.waiting = [];
  try {
    await load(state, page);
    if (state.dead) return;
    state.heat.forget();
    draw(state, page);
    dotsSoFar(state, page);
  } finally {
    const missed = state.waiting;
    state.waiting = null;
    for (const event of missed) column(state, page, event);
  }
}

// One column more; false where one between is missing.
function column(state, page, event) {
  if (state.waiting) return state.waiting.push(event) > 0;
  const { view, heat, columns } = state;
  if (event.index < columns.length) return true;
  if (event.index > columns.length) return false;
  heat.add(Uint8Array.from(atob(event.shades), (c) => c.charCodeAt(0)));
  state.at = state.start + event.second;
  state.spot = event.price;
  const time = state.start + 60 * Math.floor(event.second / 60), last = state.candles.at(-1), close = event.price, same = last[0] === time;
  const open = same ? last[1] : last[4], made = [time, open, Math.max(close, open, same ? last[2] : open), Math.min(close, open, same ? last[3] : open), close];
  if (same) state.candles[state.candles.length - 1] = made;
  else state.candles.push(made);
  view.candles.update({ time, open: made[1], high: made[2], low: made[3], close });
  said(state, page);
  later(state, 1500, async () => { Object.assign(state, await clustersOf(state.asset)); if (state.dead) return; marks(state, page); page.clusters.replaceChildren(...rowsOf(state.clusters)); page.note.textContent = noteOf(state); });
  return true;
}

// Once, so many milliseconds from the first that asked.
function later(state, wait, act) {
  state.timer ??= setTimeout(() => { state.timer = null; if (!state.dead) act()?.catch?.(() => {}); }, wait);
}

async function candlesAgain(state, page) {
  const found = await candlesOf(state.chosen, state.asset);
  if (!found || state.dead) return;
  // a map that had no time to show is laid out anew once there is one
  if (state.timeless) return dispatchEvent(new PopStateEvent("popstate"));
  state.candles = found.candles;
  state.view.candles.setData(spaced(state.candles, state.grid.spacing));
  said(state, page);
}

// Asked for until they are there: a set with gaps is not saved.
async function dotsSoFar(state, page, wait = RETRY_MS) {
  const mine = state.dotsAsked = {}, stale = () => state.dead || state.dotsAsked !== mine;
  clearTimeout(state.dotsRetry);
  page.dots.disabled = true;
  try {
    const found = await asked(`/api/v1/live/tape?asset=${encodeURIComponent(state.asset)}&limit=1000`);
    if (stale()) return;
    for (const event of found) state.heat.dot(event);
    page.dots.disabled = false;
    page.missing.textContent = "";
  } catch {
    if (stale()) return;
    page.missing.textContent = "Earlier dots are missing: the server did not tell them. They are asked for again.";
    state.dotsRetry = setTimeout(() => dotsSoFar(state, page, Math.min(2 * wait, LONGEST_MS)), wait);
  }
}

const csv = (name, head, rows) => keep(name, "text/csv", [head.join(","), ...rows.map((r) => r.join(","))].join("\n") + "\n");

function saving(state, page) {
  const { asset, view, heat } = state, digits = (v) => Number(v.toPrecision(9));
  for (const made of [page.fit, page.png, page.candles, page.cells, page.table]) made.disabled = false;
  page.dots.disabled = state.dotted;
  page.fit.addEventListener("click", () => view.chart.timeScale().fitContent());
  page.png.addEventListener("click", () => view.chart.takeScreenshot().toBlob((b) => keep(`map-${asset}.png`, "", b)));
  page.candles.addEventListener("click", () => csv(`candles-${asset}.csv`, ["time", "open", "high", "low", "close"], state.timeless ? [] : state.candles.map(([s, ...p]) => [iso(s), ...p])));
  page.dots.addEventListener("click", () => csv(`dots-${asset}.csv`, ["time", "venue", "instrument", "side", "kind", "price", "quantity", "notional_usd"],
    heat.dots.map((d) => [d.time, d.venue, d.instrument, d.side, d.kind, d.price, d.quantity, d.notional_usd])));
  page.table.addEventListener("click", () => csv(`clusters-${asset}.csv`, ["side", "peak", "notional_usd", "distance", "sigmas", "low", "high"],
    nearest(state.clusters).map((c) => [c.side, c.peak, c.notional_usd, c.distance, c.sigmas ?? "", c.low, c.high])));
  page.cells.addEventListener("click", () => {
    const { grid, columns } = state, tall = (grid.high - grid.low) / grid.rows, rows = Array.from({ length: grid.rows }, (_, r) => r), edge = (r) => digits(grid.low + r * tall);
    if (grid.holds) return csv(`map-${asset}.csv`, ["price_from", "price_to", "long_usd", "short_usd"], rows.map((r) => { const { long, short } = grid.amount(r, 0); return [edge(r), edge(r + 1), long, short]; }));
    // a row a moment, a column a price step, named by its lower price: longs below zero would mislead, the side is in the second line
    const sides = ["side", ...rows.map((r) => (grid.amount(r, 0).short > 0 ? "short" : "long"))];
    csv(`map-${asset}.csv`, ["time", ...rows.map(edge)], [sides, ...columns.map((_, k) => [iso(grid.first + grid.step * k), ...rows.map((r) => { const { long, short } = grid.amount(r, k); return Number((long + short).toPrecision(3)); })])]);
  });
}
