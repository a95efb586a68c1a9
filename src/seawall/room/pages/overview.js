// Overview: what was liquidated, where, when and by whom, and the tape itself.

import { setting } from "/static/settings.js";
import { asked, between, clock, count, day, h, ink, keep, percent, price, synthetic, usd, zoneName } from "/static/words.js";

export const title = "Overview";
const MOST = 400, RETRY_MS = 2000, LONGEST_MS = 30_000;

export async function open(main, line) {
  const [live, books] = await Promise.all(["live", "books"].map((what) => asked(`/api/v1/${what}`)));
  const tiles = h("dl", { class: "tiles" });
  const venues = h("tbody");
  const plot = h("canvas", { class: "plot", role: "img", "aria-label": "USD liquidated by minute, longs above, shorts below" });
  const rows = h("tbody"), rules = h("ul", {}), whose = h("p", { class: "note", id: "held" }, "Reading the book …");
  const held = h("tbody"), closed = h("tbody"), feeds = h("tbody");
  const given = new URLSearchParams(location.search);
  const view = { events: [], paused: false, least: Number(given.get("least") ?? setting("least")) || 0, side: given.get("side") ?? "", venue: given.get("venue") ?? "", coin: given.get("coin") ?? "", selects: {}, seen: new Set(), early: null, statistics: null, synthetic: live.synthetic, feeds: null };
  main.replaceChildren(
    h("div", { class: "bar" }, h("h1", {}, "Liquidations"), h("span", { class: "quiet", id: "window" })),
    tiles,
    h("div", { class: "grid" },
      card("w8", "By minute", [tool("PNG", () => plot.toBlob((b) => keep("minutes.png", "", b))), tool("CSV", () => saveMinutes(view.statistics))],
        plot, h("p", { class: "note", id: "by-minute" }, `USD a minute, ${zoneName()}. Longs up, shorts down.`)),
      card("w4", "By venue", [], table(["Venue", "USD", "Share", "Coverage"], venues, [1, 2]),
        h("p", { class: "note" }, live.synthetic ? "Simulated: every closing of the run is seen. Coverage: what the venue's real feed would tell of it." : "Share: of what is estimated in all, unseen included, 5–95% where not all is seen. Coverage: how much of what happens the feed publishes."),
        h("details", { class: "note" }, h("summary", {}, "What each venue publishes"), rules)),
      card("w8", "Tape", filters(view, (anew) => (anew ? refill() : draw(rows, view))), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Tape" },
        table([zoneName(), "Venue", "Instrument", "Closed", "USD", "Price"], rows, [4, 5], [1]))),
      h("div", { class: "w4 stack" },
        card("", "Concentration", [], table(["Traders", "Share of notional"], held, [1]), whose),
        card("", "How positions were closed", [], table(["Closed", "Events", "USD"], closed, [1, 2]),
          h("p", { class: "note" }, "What a venue took over counts as liquidated, what it deleveraged does not. Longest run: one side, uninterrupted."))),
      card("w12", "Feeds", [], h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Feeds" }, table(["Feed", "State", "Last event", "Lag", "Events", "Dropped", "Malformed", "Reconnects"], feeds, [3, 4, 5, 6, 7], [2, 3, 5, 6, 7])),
        h("p", { class: "note", id: "feeds" }, "Asking how the feeds are …"))),
  );
  // by the reader's choice, or as the line tells of a gap: then what is paused stays as it is
  const refill = (chosen = true, wait = RETRY_MS) => {
    clearTimeout(view.again);
    view.due ||= chosen;
    const asking = asLike(view), turn = view.turn;
    return asking.catch(() => { view.again = setTimeout(() => refill(chosen, Math.min(2 * wait, LONGEST_MS)), wait); })
      .then(() => {
        // a question that was overtaken leaves it to the one that is out
        if (turn !== view.turn) return;
        if (view.due || !view.paused || !rows.querySelector("td.num")) draw(rows, view);
        view.due = false;
      });
  };
  const heard = (all, e) => { offer(all, "venue", [[e.venue, e.venue]]); offer(all, "coin", [[e.asset, e.asset]]); };
  line.hear("statistics", (frame) => {
    const found = frame.snapshot ?? frame.events?.at(-1);
    if (!found) return;
    view.statistics = found;
    figures(tiles, venues, view);
    kinds(closed, found);
    minutes(plot, found);
  });
  line.hear("tape", (frame) => {
    for (const e of frame.snapshot ?? frame.events) heard(view, e);
    if (frame.snapshot) return refill(false);
    for (const event of frame.events) if (like(event, view) && !view.seen.has(nameOf(event))) (view.early ?? view.events).unshift({ ...event, fresh: true });
    view.events.length = Math.min(view.events.length, MOST);
    if (!view.paused) draw(rows, view);
  });
  const known = { feeds: null, watch: null };
  line.hear("feeds", (frame) => { known.feeds = frame.snapshot ?? frame.events?.at(-1) ?? known.feeds; view.feeds = known.feeds; listFeeds(feeds, known); listRules(rules, known.feeds); if (view.statistics) figures(tiles, venues, view); });
  line.hear("watch", (frame) => { known.watch = frame.snapshot?.state ?? frame.events?.findLast((e) => e.state)?.state ?? known.watch; listFeeds(feeds, known); });
  // a page that was left meanwhile takes it too: nobody sees it there
  concentration(held, whose, synthetic("default", books) ? null : books[0].name, live).catch((error) => { whose.textContent = error.message; });
  const again = () => view.statistics && minutes(plot, view.statistics);
  addEventListener("resize", again);
  addEventListener("themed", again);
  return () => { removeEventListener("resize", again); removeEventListener("themed", again); clearTimeout(view.again); view.turn = null; };
}

const tool = (words, act) => h("button", { class: "tool", type: "button", on: { click: act } }, words);
const card = (width, words, tools, ...inside) => h("section", { class: `card ${width}` }, h("div", { class: "head" }, h("h2", {}, words), ...tools), ...inside);

// Columns of `wide` are left out on a phone, where their cells say it in small.
function table(heads, body, right, wide = []) {
  return h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((w, k) => h("th", { scope: "col", class: [right.includes(k) ? "num" : "", wide.includes(k) ? "wide-only" : ""].join(" ").trim() || null }, w)))), body);
}

function tile(label, figure, ...small) {
  return h("div", { class: "tile" }, h("dt", {}, label), h("dd", {}, figure, ...small.filter(Boolean).map((s) => (typeof s === "string" ? h("small", {}, s) : s))));
}

// A figure's label; what a simulation gives is never measured.
const labelled = (label, view) => (view.synthetic && label === "measured" ? "simulated" : label);
const PUBLISHES = { all: () => "every liquidation", one_a_slot: (f) => `one of each symbol every ${f.slot_seconds ? `${f.slot_seconds} s` : "slot"}`, sample: () => "a sample", unknown: () => "not stated" };

function coverage(venue, view) {
  const rule = view.feeds?.rules?.[venue], own = (view.feeds?.feeds ?? []).filter((f) => f.venue === venue), kinds = [...new Set(own.filter((f) => f.events !== null).map((f) => f.coverage))];
  const known = (c) => PUBLISHES[c]?.({ slot_seconds: rule?.slot_seconds });
  if (view.synthetic || !own.length) return rule ? known(rule.coverage) : "–";
  return kinds.length === 1 && kinds[0] ? known(kinds[0]) : "differs by event";
}

function listRules(rules, feeds) {
  const all = Object.entries(feeds?.rules ?? {});
  if (rules.childElementCount === all.length) return;
  rules.replaceChildren(...all.map(([venue, rule]) => h("li", {}, `${venue}, since ${rule.since}: ${rule.text}. `, h("small", {}, `Source: ${rule.source}`))));
}

function figures(tiles, venues, view) {
  const s = view.statistics, long = s.notional_usd > 0 ? s.long_usd / s.notional_usd : 0;
  const part = h("i");
  part.style.width = percent(long);
  const guess = s.estimate.notional_usd;
  const ends = day(s.inputs.from) === day(s.inputs.to) ? "" : `${day(s.inputs.to)} `;
  document.getElementById("window").textContent = `${day(s.inputs.from)} ${clock(s.inputs.from).slice(0, 5)} to ${ends}${clock(s.inputs.to)} ${zoneName()}`;
  tiles.replaceChildren(
    tile("Liquidated", usd(s.notional_usd), between(guess.low, guess.high, usd) && `in all ${between(guess.low, guess.high, usd)}`, labelled(s.label, view)),
    tile("Liquidations", count(s.events), s.accounts === null ? "accounts not told" : `${count(s.accounts)} accounts`),
    tile("Longs", percent(long), `${usd(s.long_usd)} long, ${usd(s.short_usd)} short`, h("span", { class: "split", "aria-hidden": "true" }, part)),
    tile("Largest", s.largest ? usd(s.largest.notional_usd) : "–", s.largest && `${s.largest.side} ${s.largest.instrument}, ${s.largest.venue}`, s.largest && `${clock(s.largest.time)} ${zoneName()}`),
    venuesTile(s, view),
  );
  venues.replaceChildren(...s.by_venue.map((v) => {
    const mark = h("i", { class: "share", "aria-hidden": "true" });
    mark.style.width = percent(v.share);
    const range = v.share_label === "not bounded" ? "" : between(v.share_low, v.share_high, percent), unseen = v.estimated_usd > 1.005 * v.notional_usd;
    return h("tr", {}, h("td", {}, v.venue, mark), h("td", { class: "num" }, usd(v.notional_usd), unseen ? h("small", {}, `in all about ${usd(v.estimated_usd)}`) : null, h("small", {}, labelled(v.label, view))),
      h("td", { class: "num" }, percent(v.share), range ? h("small", {}, range) : null, v.share_label === "measured" ? null : h("small", {}, v.share_label)), h("td", { class: "wrap" }, coverage(v.venue, view)));
  }));
}

// Of three venues or fewer the three largest are all: what is told then is the largest, or the one.
function venuesTile(s, view) {
  const some = s.by_venue.filter((v) => v.notional_usd > 0).sort((a, b) => b.share - a.share), [top] = some;
  if (some.length > 3) return tile("Three largest venues", percent(s.top3_share), between(s.top3_share_low, s.top3_share_high, percent) || labelled(s.top3_label, view), `of ${some.length} venues`);
  if (some.length < 2) return tile("Venues", count(some.length), top ? `${top.venue} alone` : "nothing so far");
  return tile("Largest venue", percent(top.share), `${top.venue}, of ${some.length} venues`, top.share_label === "not bounded" ? top.share_label : between(top.share_low, top.share_high, percent));
}

function kinds(closed, s) {
  const run = s.longest_run, row = (words, events, sum) => h("tr", {}, h("td", {}, words), h("td", { class: "num" }, count(events)), h("td", { class: "num" }, usd(sum)));
  closed.replaceChildren(row("Liquidated", s.events, s.notional_usd), row("of it taken over", s.takeovers.events, s.takeovers.notional_usd), row("Auto-deleveraged", s.adl.events, s.adl.notional_usd),
    run ? row(`Longest run: ${run.side}s, from ${clock(run.from)}`, run.events, run.notional_usd) : "");
}

const MINUTE = 60000, AT_LEAST = 30;

// Minutes that are drawn: the window of the figures, but for what went before the first event. A tape
// that began a minute ago is so more than one pixel.
function spanOf(s) {
  const start = Math.floor(Date.parse(s.inputs.from) / MINUTE), end = Math.max(start + 1, Math.ceil(Date.parse(s.inputs.to) / MINUTE));
  const first = s.by_minute.length ? Math.floor(Date.parse(s.by_minute[0].time) / MINUTE) : start;
  return [Math.max(start, Math.min(first - 5, end - AT_LEAST)), end];
}

// A bar a minute, each at its time within the window that the figures are of.
function minutes(plot, s) {
  const ratio = devicePixelRatio || 1, width = plot.clientWidth, height = plot.clientHeight, size = parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.85;
  plot.width = width * ratio;
  plot.height = height * ratio;
  const pen = plot.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = `${size}px sans-serif`;
  const all = s.by_minute, [from, end] = spanOf(s), count = end - from;
  const late = from > Math.floor(Date.parse(s.inputs.from) / MINUTE) ? ` Nothing before ${clock(s.by_minute[0].time).slice(0, 5)} in this window.` : "";
  document.getElementById("by-minute").textContent = `USD a minute, ${zoneName()}. Longs up, shorts down.${late}`;
  const head = 1.6 * size, foot = 1.5 * size, top = Math.max(1, ...all.map((m) => m.long_usd)), deep = Math.max(0, ...all.map((m) => m.short_usd));
  const scale = (height - head - foot) / (top + deep), zero = head + top * scale, step = width / count;
  const [long, short, soft, rule] = [ink("long"), ink("short"), ink("soft"), ink("rule")];
  pen.fillStyle = rule;
  pen.fillRect(0, zero, width, 1);
  for (const m of all) {
    const x = (Date.parse(m.time) / 60000 - from) * step, wide = Math.max(all.length < 60 ? 3 : 1, 0.85 * step);
    pen.fillStyle = long;
    pen.fillRect(x, zero - m.long_usd * scale, wide, m.long_usd * scale);
    pen.fillStyle = short;
    pen.fillRect(x, zero, wide, m.short_usd * scale);
  }
  pen.fillStyle = soft;
  pen.fillText(`Top ${usd(top)} of longs${deep ? `, bottom ${usd(deep)} of shorts` : ""} a minute`, 2, size);
  const every = [1, 5, 15, 30, 60, 120, 180, 240, 360, 720].find((m) => m * step >= 5 * size) ?? 1440;
  for (let minute = Math.ceil(from / every) * every; minute < from + count; minute += every) {
    const x = (minute - from) * step;
    pen.fillRect(x, height - foot, 1, 4);
    const roomy = x < width - 3 * size;
    pen.textAlign = roomy ? "left" : "right";
    pen.fillText(clock(new Date(60000 * minute).toISOString()).slice(0, 5), roomy ? x + 3 : x - 3, height - 3);
  }
}

function saveMinutes(s) {
  if (!s) return;
  const names = ["time", "events", "long_usd", "short_usd", "unseen_usd"];
  keep("minutes.csv", "text/csv", [names.join(","), ...s.by_minute.map((m) => names.map((n) => m[n]).join(","))].join("\n") + "\n");
}

// What the tape shows: in the address, so that a link restores it; by size as settings have it.
const FILTERS = ["least", "side", "venue", "coin"];
const like = (e, view) => e.notional_usd >= view.least && (!view.side || e.side === view.side) && (!view.venue || e.venue === view.venue) && (!view.coin || e.asset === view.coin);

function filters(view, again) {
  const choose = (name, words, options) => {
    const select = h("select", { id: `tape-${name}`, on: { change: (e) => { view[name] = name === "least" ? Number(e.target.value) : e.target.value; remember(view); again(true); } } });
    view.selects[name] = { select, known: new Set() };
    offer(view, name, options);
    return h("label", {}, words, select);
  };
  const pause = h("button", { class: "tool", type: "button", "aria-pressed": "false" }, "Pause");
  pause.addEventListener("click", () => {
    view.paused = !view.paused;
    pause.setAttribute("aria-pressed", view.paused);
    pause.textContent = view.paused ? "Go on" : "Pause";
    again(false);
  });
  return [choose("least", "At least", [...new Set([0, 1e3, 1e4, 1e5, 1e6, view.least])].sort((a, b) => a - b).map((v) => [v, v ? usd(v) : "all"])),
    choose("side", "Side", [["", "both"], ["long", "longs"], ["short", "shorts"]]),
    choose("venue", "Venue", [["", "all"], ...(view.venue ? [[view.venue, view.venue]] : [])]), choose("coin", "Asset", [["", "all"], ...(view.coin ? [[view.coin, view.coin]] : [])]), pause];
}

const nameOf = (e) => `${e.time} ${e.venue} ${e.instrument} ${e.price} ${e.quantity} ${e.kind}`;

// Further choices, as venues and assets are heard of.
function offer(view, name, options) {
  const { select, known } = view.selects[name];
  for (const [value, words] of options) {
    if (known.has(value)) continue;
    known.add(value);
    select.append(h("option", { value, selected: value === view[name] }, words));
  }
}

function remember(view) {
  const kept = new URLSearchParams(location.search);
  for (const name of FILTERS) {
    if (String(view[name]) === (name === "least" ? setting("least") : "")) kept.delete(name);
    else kept.set(name, view[name]);
  }
  history.replaceState(null, "", `/overview${kept.size ? `?${kept}` : ""}`);
}

// The latest that are like what is wanted are asked of the server: of the last few hundred a rare
// kind would soon be gone.
async function asLike(view) {
  const turn = view.turn = {};
  view.early = [];
  const wanted = new URLSearchParams({ order: "latest", limit: MOST, least: view.least });
  for (const [name, of] of [["side", "side"], ["venue", "venue"], ["asset", "coin"]]) if (view[of]) wanted.set(name, view[of]);
  const found = await asked(`/api/v1/live/tape?${wanted}`).catch((error) => {
    if (turn !== view.turn) return;
    // what comes over the line is shown without it, and that it is missing is said
    view.events = [...view.early, ...view.events.filter((e) => like(e, view))];
    view.early = null;
    view.lost = true;
    throw error;
  });
  if (turn !== view.turn) return;
  view.lost = false;
  // what came over the line meanwhile is put before it, once
  view.seen = new Set(found.map(nameOf));
  view.events = [...view.early.filter((e) => !view.seen.has(nameOf(e))), ...found.reverse()];
  view.early = null;
}

function draw(rows, view) {
  const shown = view.events.slice(0, 100), say = (words) => h("tr", {}, h("td", { colspan: 6, class: "quiet wrap" }, words));
  const lost = view.lost ? [say("Earlier ones are missing: the server did not tell them. They are asked for again.")] : [];
  if (!shown.length) {
    rows.replaceChildren(...(lost.length ? lost : [say(view.least || view.side || view.venue || view.coin ? "Nothing like that so far." : "Nothing yet.")]));
    return;
  }
  rows.replaceChildren(...shown.map((e) => {
    const row = h("tr", { class: e.fresh && !view.paused ? "fresh" : null }, h("td", {}, clock(e.time)), h("td", { class: "wide-only" }, e.venue), h("td", {}, e.instrument, h("small", { class: "small-only" }, e.venue)),
      h("td", { class: `wrap ${e.side}` }, e.kind === "liquidation" ? e.side : `${e.side}, ${e.kind}`), h("td", { class: "num" }, usd(e.notional_usd)), h("td", { class: "num" }, price(e.price)));
    e.fresh = false;
    return row;
  }), ...lost);
}

async function concentration(held, told, name, live) {
  const found = await asked("/api/v1/tape/concentration");
  const all = found.groups[0];
  held.replaceChildren(...[["Largest", all.top1], ["10 largest", all.top10], ["100 largest", all.top100]].map(([w, v]) =>
    h("tr", {}, h("td", {}, w), h("td", { class: "num" }, percent(v, 2)))));
  const whose = name === null ? `a synthetic book (${found.inputs.source})${live.synthetic ? "" : ", not of the tape: a tape does not say who holds what. Serve --book for your own"}` : `the book that the server opened with (${name})`;
  told.textContent = `Of ${count(all.traders)} traders with ${usd(all.notional_usd)}: ${whose}.`;
}

// A word for each state, and how it looks.
const STATES = { live: ["live", "good"], stalled: ["stalled", "warn"], away: ["dead", "bad"], dead: ["dead", "bad"], ended: ["dead: ended", "bad"], recorded: ["recorded replay", "plain"], stored: ["stored tape", "plain"] };

function listFeeds(body, known) {
  const all = known.feeds?.feeds ?? [], watch = known.watch;
  const rows = all.map((f) => [f.link, f.state, f.last_event, f.lag_seconds, f.events, f.dropped, f.malformed, f.reconnects, f.why]);
  if (watch?.book) rows.push([`marks for the watch: ${watch.marks}`, watch.feed, watch.last_mark, null, watch.taken, null, watch.unknown, watch.broken, watch.why]);
  body.replaceChildren(...(rows.length ? rows.map(([name, state, last, lag, ...counts]) => {
    const why = counts.pop(), [word, look] = STATES[state] ?? [state, "plain"];
    return h("tr", {}, h("td", { class: "wrap" }, name), h("td", { class: "wrap" }, h("span", { class: `feed ${look}` }, word), why ? h("small", {}, ` ${why}`) : null,
      h("small", { class: "small-only" }, [last ? `last ${day(last)} ${clock(last)}` : "", ...[["lag", lag === null || lag === undefined ? null : `${lag.toFixed(1)} s`], ["dropped", counts[1]], ["malformed", counts[2]], ["reconnects", counts[3]]].filter(([, n]) => n !== null && n !== undefined).map(([w, n]) => `${w} ${typeof n === "number" ? count(n) : n}`)].filter(Boolean).join(", "))),
      h("td", { class: "wide-only" }, last ? `${day(last)} ${clock(last)}` : "–"), h("td", { class: "num wide-only" }, lag === null || lag === undefined ? "–" : `${lag.toFixed(1)} s`), ...counts.map((n, k) => h("td", { class: k ? "num wide-only" : "num" }, count(n))));
  }) : [h("tr", {}, h("td", { colspan: 8, class: "quiet" }, "No feed."))]));
  const said = document.getElementById("feeds");
  if (said) said.textContent = known.feeds?.problem ?? `Times ${zoneName()}. Lag: receipt less the venue's own time. Dropped, malformed and reconnects since the server began to hear; a dash where nothing counts them.`;
}
