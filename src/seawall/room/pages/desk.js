// Desk: my positions, how likely they fall, and what to do: size, stop, rescue, allocation.

import { answered, Form } from "/static/forms.js";
import { bookSender } from "/static/sending.js";
import { laidOut, styled } from "/static/shown.js";
import { h, synthetic } from "/static/words.js";

export const title = "Desk";

const SIDES = [["long", "long"], ["short", "short"]];
const PRICES = [
  { name: "depth", label: "Depth", unit: "ASSET=USD within 1%", none: "dated defaults", more: true },
  { name: "funding", label: "Funding", unit: "ASSET=% per 8 hours", none: "the venue's interest", more: true },
];
const MODEL = [
  { name: "thinning", label: "Depth that stays in stress", unit: "share, or multiple", kind: "number", none: "as measured", more: true },
  { name: "impact_exponent", label: "Impact exponent", kind: "number", none: "as measured", more: true },
  { name: "paths", label: "Simulated paths", unit: "500 to 20,000", kind: "number", more: true },
  { name: "seed", label: "Seed of the paths", kind: "number", more: true },
];

// One a command: what it needs, its fields, and a word on it.
const TOOLS = {
  size: {
    words: "Size", act: "Find the size", needs: "candles", row: true,
    about: "The largest size of a position within limits of liquidation, loss, depth and leverage, and how to follow volatility.",
    fields: [
      { name: "instrument", label: "Or a new position in", unit: "BTC, ETHUSDT", none: "the row above" },
      { name: "equity", label: "Equity for it", unit: "USD", none: "with a new position" },
      { name: "probability", label: "Liquidation at most", unit: "% or fraction" },
      { name: "horizon", label: "Within", unit: "1h, 1d, 7d" },
      { name: "budget", label: "Expected shortfall at most", unit: "% of equity" },
      { name: "cost", label: "Slippage of closing at most", unit: "%" },
      { name: "side", label: "Side of a new position", kind: "choice", options: SIDES, more: true },
      { name: "venue", label: "Venue of a new position", none: "binance", more: true },
      { name: "entry", label: "Entry of a new position", unit: "USD", none: "last close", more: true },
      { name: "isolated", label: "New position isolated", kind: "flag", more: true },
      { name: "most_leverage", label: "Leverage at most", unit: "×", kind: "number", more: true },
      { name: "target", label: "Daily volatility aimed at", unit: "% of equity", more: true },
      { name: "edge", label: "Edge you expect a year", unit: "%", more: true },
      { name: "edge_error", label: "Standard error of the edge", unit: "%", none: "of a mean over the prices", more: true },
      { name: "kelly_fraction", label: "Part of the Kelly size", kind: "number", more: true },
      { name: "band", label: "Half no-trade band", unit: "% of the size", none: "by its costs", more: true },
      ...PRICES, ...MODEL,
    ],
  },
  stop: {
    words: "Stop", act: "Place the stop", needs: "candles", row: true,
    about: "Where a stop belongs, how likely it fires, what it would lose, and whether liquidation comes first.",
    fields: [
      { name: "stop", label: "A stop to judge", unit: "USD", none: "find one" },
      { name: "sigmas", label: "Distance wanted", unit: "σ of a day", kind: "number" },
      { name: "margin", label: "Room before liquidation", unit: "% of its price" },
      { name: "delay", label: "Trigger to fill", unit: "seconds", kind: "number" },
      { name: "trigger", label: "Fires by", kind: "choice", options: [["", "the venue's usual price"], ["mark", "mark"], ["last", "last"], ["index", "index"]], more: true },
      ...PRICES, ...MODEL,
    ],
  },
  rescue: {
    words: "Rescue", act: "Find ways back", needs: "", row: false,
    about: "The cheapest way back from a margin call: add, cut which position, or hedge.",
    fields: [
      { name: "target_ratio", label: "Margin ratio to come back to", unit: "0 to 1; 1 is liquidation", kind: "number" },
      { name: "survive", label: "And survive a move of", unit: "%, up or down" },
      { name: "cash", label: "Cash that can be added", unit: "USD" },
      { name: "account", label: "Only the account", none: "all" },
      PRICES[0], ...MODEL.slice(0, 2),
    ],
  },
  allocate: {
    words: "Allocation", act: "Find the weights", needs: "candles only", row: false,
    about: "Weights over large caps, mid caps and stablecoins, and what could liquidate them. It needs candles only.",
    fields: [
      { name: "method", label: "Method", kind: "choice", options: [["cvar", "least expected shortfall"], ["parity", "risk parity"], ["hrp", "hierarchical risk parity"], ["equal", "equal weights"]] },
      { name: "leverage", label: "Leverage of the coins", unit: "×", kind: "number" },
      { name: "equity", label: "Equity", unit: "USD" },
      { name: "stable", label: "Stablecoins", unit: "LOW:HIGH" },
      { name: "large", label: "Large caps", unit: "LOW:HIGH" },
      { name: "mid", label: "Mid caps", unit: "LOW:HIGH" },
      { name: "cap", label: "One asset at most", unit: "%" },
      { name: "days", label: "History", unit: "days, 90 or more", kind: "number" },
      { name: "held", label: "Held now", unit: "ASSET=%", none: "nothing", more: true },
      { name: "least", label: "At least", unit: "ASSET=%", more: true },
      { name: "most", label: "At most", unit: "ASSET=%", more: true },
      { name: "turnover", label: "Turnover at most", unit: "%", more: true },
      { name: "fee", label: "Fee and slippage", unit: "%", more: true },
      { name: "most_leverage", label: "Cap of the leverage", unit: "×", kind: "number", more: true },
      { name: "venue", label: "Venue whose rules hold", more: true },
      { name: "depegs", label: "Depegs a year, assumed", kind: "number", more: true },
      { name: "paths", label: "Simulated paths", kind: "number", more: true },
      { name: "seed", label: "Seed of the paths", kind: "number", more: true },
    ],
  },
};

export async function open(main) {
  styled();
  const [books, candles, venues] = await Promise.all(["books", "candles", "account"].map((what) => answered(`/api/v1/${what}`)));
  const given = new URLSearchParams(location.search);
  const view = {
    book: chosen(given.get("book"), books, "book") ?? books.find((b) => b.book === "example")?.book ?? books[0]?.book ?? "",
    candles: chosen(given.get("candles"), candles, "candles") ?? (given.get("candles") === "" ? "" : candles[0]?.candles ?? ""),
    tool: TOOLS[given.get("tool")] ? given.get("tool") : "size",
    asked: given.has("asked"), given, rows: [], stop: new AbortController(),
  };
  view.made = synthetic(view.book, books) || (view.tool === "allocate" && view.candles === "example");
  const lost = [["book", books], ["candles", candles]].filter(([n, all]) => given.get(n) && !chosen(given.get(n), all, n)).map(([n]) => n);
  const said = h("div", { class: "wrong", role: "alert", hidden: !lost.length }, lost.length ? `The ${lost.join(" and the ")} of this address ${lost.length > 1 ? "are" : "is"} no longer on the server: what is sent is kept until it closes. Send it again.` : "");
  const positions = h("div", { class: "card" }), panel = h("section", { class: "grid" });
  main.replaceChildren(
    h("div", { class: "bar" }, h("h1", {}, "Desk"),
      h("label", {}, "Positions", picker(books, view.book, "book", (b) => b.name, (key) => go(view, { book: key }))),
      bookSender("Send positions", said, (b) => go(view, { book: b.book })),
      account(venues, said, (b) => go(view, { book: b.book }))),
    h("div", { class: "bar" },
      h("label", {}, "Candles", picker(candles, view.candles, "candles", (c) => `${c.name}: ${c.assets.slice(0, 6).join(", ")}${c.assets.length > 6 ? " …" : ""}`, (key) => go(view, { candles: key }), "none: no odds")),
      sender("Send candles", ".csv,.json,.jsonl,.parquet,.gz", "/api/v1/candles", said, (c) => go(view, { candles: c.candles })),
      h("span", { class: "quiet" }, about(books.find((b) => b.book === view.book), candles.find((c) => c.candles === view.candles)))),
    said, positions,
    h("div", { class: "bar tools", role: "group", "aria-label": "What to find" }, ...Object.entries(TOOLS).map(([name, tool]) =>
      h("button", { class: "tool", type: "button", "data-tool": name, "aria-pressed": String(name === view.tool), on: { click: () => go(view, { tool: name }) } }, tool.words))),
    panel);
  const checked = check(positions, view);
  await openTool(panel, view, checked);
  return () => view.stop.abort();
}

const chosen = (key, all, name) => (all.some((x) => x[name] === key) ? key : null);

function about(book, candles) {
  const parts = [];
  if (book?.positions) parts.push(`${book.positions.toLocaleString("en-GB")} positions`);
  if (book?.set_aside) parts.push(`${book.set_aside.toLocaleString("en-GB")} faulty ${book.set_aside === 1 ? "row" : "rows"} set aside`);
  if (book?.book === "example" || candles?.candles === "example") parts.push("synthetic example: send your own");
  if (candles) parts.push(`prices ${candles.from.slice(0, 10)} to ${candles.to.slice(0, 10)}, every ${candles.step_seconds / 60} min`);
  parts.push("amounts in USD");
  return parts.join(" · ");
}

// Another book, other candles or another tool: a page of its own, so that an address restores it. A
// file may be read when its page has been left: beside another tool or a second file it counts too,
// from another page the reader is not fetched back.
function go(view, changed) {
  if (location.pathname !== "/desk") return;
  const now = new URLSearchParams(location.search), kept = { book: view.book, candles: view.candles, tool: view.tool };
  for (const name of Object.keys(kept)) if (now.has(name) && now.get(name) !== view.given.get(name)) kept[name] = now.get(name);
  history.pushState(null, "", `/desk?${new URLSearchParams({ ...kept, ...changed })}`);
  dispatchEvent(new PopStateEvent("popstate"));
}

function picker(all, now, name, words, act, none = "") {
  const options = all.map((x) => h("option", { value: x[name], selected: x[name] === now }, words(x)));
  if (none) options.push(h("option", { value: "", selected: !now }, none));
  return h("select", { id: `pick-${name}`, on: { change: (e) => act(e.target.value) } }, ...options);
}

function sender(words, accept, path, said, act) {
  const file = h("input", { type: "file", accept, hidden: true, "aria-label": words });
  const button = h("button", { class: "tool", type: "button", on: { click: () => file.click() } }, words);
  file.addEventListener("change", async () => {
    const [sent] = file.files;
    if (!sent) return;
    await waited(button, said, `Reading ${sent.name} …`, async () => act(await answered(`${path}?name=${encodeURIComponent(sent.name)}`, { method: "POST", body: sent })));
    file.value = "";
  });
  return h("span", {}, button, file);
}

function account(venues, said, act) {
  const venue = h("select", { "aria-label": "Venue of your account" }, ...venues.map((v) => h("option", { value: v }, v)));
  const button = h("button", { class: "tool", type: "button", title: "By a read-only key that the server finds in its environment or keyring; it never comes here." }, "Read my account");
  button.addEventListener("click", () => waited(button, said, "Asking the venue …", async () => act(await answered(`/api/v1/account/${venue.value}`, { method: "POST" }))));
  return h("span", { class: "pair" }, venue, button);
}

async function waited(button, said, words, act) {
  const before = button.textContent;
  button.disabled = true;
  button.textContent = words;
  said.hidden = true;
  try {
    await act();
  } catch (error) {
    said.hidden = false;
    said.replaceChildren(h("p", {}, error.message), ...(error.mistakes ?? []).slice(1, 6).map((m) => h("p", {}, [m.where, m.row ? `row ${m.row}` : "", m.column, m.what].filter(Boolean).join(", "))));
  } finally {
    button.disabled = false;
    button.textContent = before;
  }
}

const query = (values) => new URLSearchParams(values).toString();

// First where everything falls, which is quick; then how likely, which takes seconds.
async function check(box, view) {
  const head = h("div", { class: "head" }, h("h2", {}, "Positions"));
  const place = h("div", {}, h("p", { class: "quiet", role: "status" }, "Reading the positions …"));
  box.replaceChildren(head, place);
  const plain = query({ book: view.book });
  // what a reader has opened stays open when the odds come
  const put = (answer, path) => {
    const opened = new Set(Array.from(place.querySelectorAll("details[open] > summary"), (s) => s.textContent));
    place.replaceChildren(laidOut(answer, { only: tablesOf(answer), asJson: path, made: view.made }));
    for (const summary of place.querySelectorAll("details > summary")) if (opened.has(summary.textContent)) summary.parentElement.open = true;
  };
  try {
    const first = await answered(`/api/v1/shown/check?${plain}`, { signal: view.stop.signal });
    const rows = first.tables.find((t) => t.key === "positions"), at = (key) => rows.columns.findIndex((c) => c.key === key);
    view.nearest = rows.rows[0]?.[at("row")][0] ?? "";
    view.rows = rows.rows.map((r) => [r[at("row")][0], `${r[at("row")][0]}: ${r[at("instrument")][0]} ${r[at("side")][0]}, ${r[at("venue")][0]}`]).sort((a, b) => a[0] - b[0]);
    put(first, `/api/v1/check?${plain}`);
    if (view.candles) odds(head, put, view);
    else head.append(h("span", { class: "quiet" }, "Send or choose candles for the odds."));
  } catch (error) {
    if (error.name !== "AbortError") place.replaceChildren(h("div", { class: "wrong", role: "alert" }, error.message));
  }
}

async function odds(head, put, view) {
  const state = h("span", { class: "quiet", role: "status", id: "odds" }, "Odds: simulating prices …");
  head.append(state);
  const asked = query({ book: view.book, candles: view.candles });
  try {
    put(await answered(`/api/v1/shown/check?${asked}`, { signal: view.stop.signal }), `/api/v1/check?${asked}`);
    state.textContent = "With odds, modelled";
  } catch (error) {
    if (error.name !== "AbortError") state.textContent = `No odds: ${error.message}`;
  }
}

const tablesOf = (answer) => ["position_odds", "odds", "positions", "accounts"].filter((key) => answer.tables.some((t) => t.key === key));

async function openTool(panel, view, checked) {
  const tool = TOOLS[view.tool], schema = await answered(`/api/v1/shown/asks/${view.tool}`);
  const fields = [...tool.fields];
  if (tool.row) {
    await checked;
    fields.unshift(view.rows.length && view.rows.length <= 200 ? { name: "row", label: "Position", kind: "choice", options: [...(view.rows.length > 1 ? [["", "choose a row"]] : []), ...view.rows] } : { name: "row", label: "Row of the position", kind: "number" });
  }
  const result = h("section", { class: "card w8", "aria-live": "polite", id: "result" }, h("p", { class: "quiet" }, "Nothing asked yet. The values beside are the command's own defaults."));
  const form = new Form(fields, schema, tool.act, () => ask(view, tool, form, result));
  if (tool.row && view.rows.length) form.inputs.get("row").value = view.nearest;
  form.fill(view.given);
  panel.replaceChildren(h("section", { class: "card w4" }, h("div", { class: "head" }, h("h2", {}, tool.words)), h("p", { class: "note" }, tool.about), form.node), result);
  if (view.asked) ask(view, tool, form, result);
}

async function ask(view, tool, form, result) {
  const values = form.values(), own = { ...values };
  form.clean();
  if (values.instrument) delete own.row;
  if (!tool.needs.endsWith("only")) own.book = view.book;
  if (tool.needs) own.candles = view.candles;
  if (tool.needs && !view.candles) {
    form.blame({ mistakes: [{ what: "needs prices of the past", where: "", mend: "Send candles, or choose them above" }] });
    return;
  }
  history.replaceState(null, "", `/desk?${query({ book: view.book, candles: view.candles, tool: view.tool, ...own, asked: "" })}`);
  view.working?.abort();
  const working = (view.working = new AbortController());
  view.stop.signal.addEventListener("abort", () => working.abort());
  const clock = busy(result, () => working.abort());
  try {
    const answer = await answered(`/api/v1/shown/${view.tool}?${query(own)}`, { signal: working.signal });
    result.replaceChildren(h("div", { class: "head" }, h("h2", {}, answer.question || tool.words)), laidOut(answer, { asJson: `/api/v1/${view.tool}?${query(own)}`, made: view.made }));
  } catch (error) {
    if (working !== view.working) return;
    result.replaceChildren(h("p", { class: "quiet" }, error.name === "AbortError" ? "Not waited for." : "No answer: see beside."));
    if (error.name !== "AbortError") form.blame(error);
  } finally {
    clearInterval(clock);
  }
}

function busy(result, cancel) {
  const begun = performance.now(), seconds = h("span", {}, "0 s");
  result.replaceChildren(h("p", { class: "quiet", role: "status" }, "Computing … ", seconds, " ", h("button", { class: "tool", type: "button", on: { click: cancel } }, "Do not wait")));
  return setInterval(() => { seconds.textContent = `${Math.round((performance.now() - begun) / 1000)} s`; }, 500);
}
