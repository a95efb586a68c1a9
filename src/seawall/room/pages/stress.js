// Stress: a shock chosen with a slider, and what it does to a book: cascade, prices, losses, funds.

import { onceDrawn } from "/static/books.js";
import { answered } from "/static/forms.js";
import { bookSender } from "/static/sending.js";
import { text } from "/static/figures.js";
import { chartBox, ground, styled, tableBox, tile, warnings } from "/static/shown.js";
import { h, synthetic } from "/static/words.js";

export const title = "Stress";

const MOST = 60, STEP = 0.5, AHEAD = 6, REST_MS = 500, KEPT = 240;
const CHARTS = [["rounds", "w8"], ["waterfall", "w4"], ["venue_forced", "w6"], ["venue_funds", "w6"], ["ladder", "w6"], ["ladder_price", "w6"]];
const BELOW = [["losses", "w12"], ["venues", "w12"], ["assets", "w12"], ["hardest_hit", "w6"], ["lorenz", "w6"], ["round_rows", "w6"], ["laws", "w6"]];
const REVERSE = /^(The smallest shock|No shock along|Without any shock)/;

export async function open(main, line, left) {
  styled();
  const books = await answered("/api/v1/books"), given = new URLSearchParams(location.search);
  const book = books.find((b) => b.book === given.get("book")) ?? books[0];
  const lost = given.get("book") && book?.book !== given.get("book");
  const view = { book, made: synthetic(book?.book, books), known: new Map(), ladders: new Map(), under: null, wanted: "", stop: new AbortController(), rest: 0, drawn: "" };
  const said = h("div", { class: "wrong", role: "alert", hidden: !lost }, lost ? "The book of this address is no longer on the server: what is sent is kept until it closes. Send it again." : "");
  main.replaceChildren(
    h("div", { class: "bar" }, h("h1", {}, "Stress"), h("label", {}, "Book", h("select", { id: "book", on: { change: (e) => go({ book: e.target.value }) } },
      ...books.map((b) => h("option", { value: b.book, selected: b === book }, b.name)))), bookSender("Send a book", said, (sent) => { if (!left.aborted) go({ book: sent.book }); })), said);
  if (!book) {
    main.append(h("p", { class: "quiet" }, "There is no book yet: send one."));
    return () => {};
  }
  view.book = await onceDrawn(main, book, left);
  if (view.book.error) main.append(h("div", { class: "wrong", role: "alert" }, `This book cannot be used: ${view.book.error}`));
  if (!view.book.ready) return () => {};
  build(main, view, view.book.assets, given);
  return () => { view.stop.abort(); clearTimeout(view.rest); };
}

function build(main, view, assets, given) {
  const asset = assets.includes(given.get("asset")) || given.get("asset") === "ALL" ? given.get("asset") : assets.includes("BTC") ? "BTC" : assets[0];
  const first = Math.max(-MOST, Math.min(MOST, Number(given.get("shock") ?? -10) || 0));
  const say = (id, words, input) => h("div", { class: "field" }, h("label", { for: id }, words), input);
  view.asset = h("select", { id: "asset" }, ...assets.map((a) => h("option", { value: a, selected: a === asset }, a)), h("option", { value: "ALL", selected: asset === "ALL" }, "all assets"));
  view.slider = h("input", { id: "shock", type: "range", min: -MOST, max: MOST, step: STEP, value: first });
  view.number = h("input", { id: "percent", type: "number", min: -99, max: 1000, step: STEP, value: first, "aria-label": "Shock, percent" });
  view.fund = h("input", { id: "fund", type: "text", inputmode: "decimal", autocomplete: "off", placeholder: "the venues' own", value: given.get("fund") ?? "" });
  view.goal = h("input", { id: "liquidates", type: "text", inputmode: "decimal", autocomplete: "off", placeholder: "such as 1bn", value: given.get("liquidates") ?? "" });
  view.bands = h("input", { id: "bands", type: "checkbox", checked: given.get("draws") !== "0" });
  view.state = h("p", { class: "note", role: "status", id: "answered" }, "Preparing the book …");
  view.place = h("div", { class: "shown", id: "stressed", "aria-busy": "true" });
  main.append(
    h("section", { class: "card asks stuck" },
      h("div", { class: "fields" },
        say("asset", "Asset", view.asset),
        h("div", { class: "field slide" }, h("label", { for: "shock" }, "Shock to its price"), h("div", { class: "pair" }, view.slider, view.number, h("span", { class: "unit" }, "%"))),
        say("fund", "One fund behind all, USD", view.fund), say("liquidates", "Reverse: force USD", view.goal),
        h("div", { class: "field flag" }, h("label", { for: "bands" }, "Bands, 5–95%"), view.bands)),
      view.state),
    view.place);
  view.slider.addEventListener("input", () => { view.number.value = view.slider.value; move(view); });
  view.number.addEventListener("change", () => { view.slider.value = view.number.value; move(view); });
  for (const input of [view.asset, view.fund, view.goal, view.bands]) input.addEventListener("change", () => move(view));
  move(view);
}

function go(changed) {
  history.pushState(null, "", `/stress?${new URLSearchParams(changed)}`);
  dispatchEvent(new PopStateEvent("popstate"));
}

function question(view, percent, draws) {
  const asked = new URLSearchParams({ book: view.book.book, shock: `${view.asset.value}=${percent}%`, draws });
  if (view.ask.fund) asked.set("fund", view.ask.fund);
  if (view.ask.goal) asked.set("liquidates", view.ask.goal);
  return asked.toString();
}

// While the slider moves only the centre is asked; once it rests, the bands too.
function move(view) {
  clearTimeout(view.rest);
  const percent = Number(view.number.value) || 0;
  // as they stand now: a word that is still being typed is no part of any question
  view.ask = { percent, bands: view.bands.checked, fund: view.fund.value.trim(), goal: view.goal.value.trim() };
  const full = question(view, percent, 64);
  glance(view);
  want(view, view.bands.checked && view.known.has(full) ? full : question(view, percent, 0));
  view.rest = setTimeout(() => rested(view), REST_MS);
}

function rested(view) {
  const { percent, bands, fund, goal } = view.ask, kept = new URLSearchParams({ book: view.book.book, asset: view.asset.value, shock: percent });
  if (fund) kept.set("fund", fund);
  if (goal) kept.set("liquidates", goal);
  if (!bands) kept.set("draws", "0");
  history.replaceState(null, "", `/stress?${kept}`);
  if (bands) want(view, question(view, percent, 64));
  else if (!view.under) ahead(view);
}

// One question at a time: the newest wins, and what was answered once is not asked again.
function want(view, asked) {
  view.wanted = asked;
  if (view.known.has(asked)) show(view, asked, null);
  else if (!view.under) fetchNext(view);
}

async function fetchNext(view) {
  const asked = view.wanted, begun = performance.now();
  view.place.setAttribute("aria-busy", "true");
  if (!view.drawn) view.state.textContent = "Preparing the book …";
  else if (asked.includes("draws=64")) view.state.textContent = `${view.told} Drawing the bands …`;
  view.under = asked;
  try {
    keepAnswer(view, asked, await answered(`/api/v1/shown/stress?${asked}`, { signal: view.stop.signal }));
    if (asked === view.wanted) show(view, asked, performance.now() - begun);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (asked === view.wanted) refused(view, error);
  } finally {
    view.under = null;
  }
  if (view.wanted !== asked && !view.known.has(view.wanted)) fetchNext(view);
  else if (view.wanted !== asked) show(view, view.wanted, null);
  else if (view.known.has(asked) && (!view.ask.bands || asked.includes("draws=64"))) ahead(view);
}

function keepAnswer(view, asked, answer) {
  view.known.set(asked, answer);
  if (view.known.size > KEPT) view.known.delete(view.known.keys().next().value);
}

// Every position of the slider as a rung of one ladder: its sums are there before its whole answer.
async function rungs(view) {
  const up = view.ask.percent > 0, key = `${view.asset.value} ${up}`;
  if (view.ladders.has(key) || view.stop.signal.aborted) return;
  view.ladders.set(key, null);
  const steps = Array.from({ length: MOST / STEP }, (_, k) => `${(k + 1) * STEP}%`).join(",");
  const asked = new URLSearchParams({ book: view.book.book, shock: `${view.asset.value}=${up ? "" : "-"}10%`, draws: 0, ladder: steps });
  try {
    const found = await answered(`/api/v1/stress?${asked}`, { signal: view.stop.signal });
    view.ladders.set(key, new Map(found.ladder.map((rung) => [Math.round(1e4 * rung.step), rung])));
    view.place.dataset.rungs = key;
  } catch {
    view.ladders.delete(key);
  }
}

// Why an interval has no upper end; it is told beside the figures, and below with the rest.
const UNBOUNDED = /draws of the impact law/;
const SUMS = { forced_notional_usd: "usd", forced_notional_first_round_usd: "usd", stopped_notional_usd: "usd" };

function glance(view) {
  const { percent } = view.ask, rung = view.ladders.get(`${view.asset.value} ${percent > 0}`)?.get(Math.round(100 * percent));
  if (!rung || view.known.has(question(view, percent, 0))) return;
  view.drawn = "";
  view.place.dataset.glance = percent;
  for (const figure of view.place.querySelectorAll(".tile")) {
    const unit = SUMS[figure.dataset.key], shown = figure.querySelector("dd").firstChild;
    figure.toggleAttribute("data-waits", !unit);
    if (unit) shown.textContent = text(rung[figure.dataset.key], unit);
  }
  const moved = view.asset.value === "ALL" ? "" : ` ${view.asset.value} comes to rest at ${text(rung.final_change[view.asset.value] ?? 0, "fraction")}.`;
  view.state.textContent = `At ${percent}%: ${text(rung.forced_notional_usd, "usd")} forced in ${rung.rounds} rounds.${moved} The rest follows.`;
}

// The neighbours of where the slider rests are fetched before it gets there.
async function ahead(view) {
  const rest = view.ask, from = rest.percent;
  for (let k = 1; k <= AHEAD; k++) {
    for (const percent of [from - k * STEP, from + k * STEP]) {
      const asked = question(view, percent, 0);
      if (view.under || view.ask !== rest || view.stop.signal.aborted || Math.abs(percent) > MOST) return;
      if (view.known.has(asked)) continue;
      const wanted = view.wanted;
      view.under = asked;
      try {
        keepAnswer(view, asked, await answered(`/api/v1/shown/stress?${asked}`, { signal: view.stop.signal }));
      } catch {
        return;
      } finally {
        view.under = null;
        // the slider may have moved on meanwhile
        if (view.wanted !== wanted && !view.known.has(view.wanted) && !view.stop.signal.aborted) fetchNext(view);
      }
    }
  }
}

function refused(view, error) {
  const more = (error.mistakes ?? []).slice(0, 5).map((m) => h("p", {}, [m.where, m.value ? `got ${m.value}` : "", m.allowed ? `allowed: ${m.allowed}` : "", m.mend].filter(Boolean).join("; ")));
  view.state.textContent = "";
  view.drawn = "";
  view.place.removeAttribute("aria-busy");
  view.place.replaceChildren(h("div", { class: "wrong", role: "alert" }, h("p", {}, `No answer: ${error.message}.`), ...more,
    h("button", { class: "tool", type: "button", on: { click: () => move(view) } }, "Try again")));
}

function show(view, asked, took) {
  const answer = view.known.get(asked), more = view.ask.bands && !asked.includes("draws=64");
  view.told = took === null ? "Answered before." : `Answered in ${Math.round(took)} ms.`;
  view.state.textContent = `${view.told}${more ? " Bands follow once the slider rests." : ""} Modelled; prices and amounts in USD.`;
  view.place.toggleAttribute("aria-busy", false);
  if (view.drawn === asked) return;
  view.drawn = view.place.dataset.asked = asked;
  const charts = new Map(answer.charts.map((c) => [c.key, c])), tables = new Map(answer.tables.map((t) => [t.key, t]));
  const started = [], reverse = answer.answer.filter((s) => REVERSE.test(s)), rest = answer.answer.filter((s) => !REVERSE.test(s));
  const scroll = scrollY, opened = view.place.querySelector("details.ground")?.open;
  view.place.replaceChildren(
    ...rest.map((words, k) => h("p", { class: k ? null : "first" }, words)),
    h("dl", { class: "tiles" }, ...answer.headlines.map((f) => keyed(f, view.made))),
    ...answer.warnings.filter((w) => UNBOUNDED.test(w)).map((w) => h("p", { class: "note" }, w)),
    h("div", { class: "grid" },
      ...CHARTS.slice(0, 2).map(([key, wide]) => card(wide, charts.has(key) && chartBox(charts.get(key), started))),
      h("section", { class: "card w12", id: "reverse" }, h("div", { class: "head" }, h("h3", {}, "Reverse stress")),
        ...(reverse.length ? reverse : ["No venue of this book has a fund that could be emptied; name a notional to force above."]).map((s) => h("p", {}, s))),
      ...CHARTS.slice(2).map(([key, wide]) => card(wide, charts.has(key) && chartBox(charts.get(key), started))),
      ...BELOW.map(([key, wide]) => card(wide, charts.has(key) ? chartBox(charts.get(key), started) : tables.get(key)?.rows.length && tableBox(tables.get(key), started))),
      ...answer.charts.filter((c) => c.key.startsWith("map_")).map((c) => card("w12", chartBox(c, started)))),
    warnings(answer.warnings) ?? "", ground(answer, `/api/v1/stress?${asked}`), onTheCommandLine(view, asked));
  view.place.querySelector("details.ground")?.toggleAttribute("open", opened ?? false);
  started.forEach((start) => start());
  scrollTo({ top: scroll });
  rungs(view);
}

function keyed(headline, synthetic) {
  const made = tile(headline, synthetic);
  made.dataset.key = headline.key;
  return made;
}

const card = (wide, inside) => (inside ? h("section", { class: `card ${wide}` }, inside) : "");

const quoted = (text) => (/^[\w.,:=%+/@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

function onTheCommandLine(view, asked) {
  const given = new URLSearchParams(asked), file = view.book.name;
  // a book that was drawn by the server is in no file
  if (!/\.\w+$|^account:/.test(file)) return h("p", { class: "note" }, "The same on the command line: ", h("code", {}, `curl ${quoted(`${location.origin}/api/v1/stress?${asked}`)}`));
  const options = ["shock", "fund", "liquidates", "draws"].filter((k) => given.get(k)).map((k) => `--${k} ${quoted(given.get(k))}`);
  return h("p", { class: "note" }, "The same on the command line: ", h("code", {}, `seawall stress ${quoted(file)} ${options.join(" ")}`));
}
