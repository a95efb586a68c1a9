// Alerts: what the server's watch warns of, with what to do; where its levels begin; and settings.

import { choose, clockIn, dayIn, setting, zoneName } from "/static/settings.js";
import { styled } from "/static/shown.js";
import { asked, count, h, keep, percent } from "/static/words.js";

export const title = "Alerts";

const LEVELS = ["calm", "approaching", "margin call", "imminent"];
const FEED = { live: "live", stalled: "stalled in part", dead: "dead", recorded: "recorded replay", ended: "ended: no more marks" };
const MOST = 200;

export async function open(main, line) {
  styled();
  const view = { recent: [], state: null, heard: false };
  const tiles = h("dl", { class: "tiles" }), list = h("ol", { class: "notices", "aria-live": "polite" }), levels = h("tbody"), channels = h("div"), told = h("span", { class: "quiet" });
  const none = h("div", { class: "wrong", hidden: true });
  const again = () => { draw(view, { tiles, list, levels, channels, told, none }); };
  main.replaceChildren(
    h("div", { class: "bar" }, h("h1", {}, "Alerts"), told),
    none, tiles,
    h("div", { class: "grid" },
      card("w8", "Warnings, the newest first", [h("label", {}, "From", level(again)), h("button", { class: "tool", type: "button", on: { click: () => save(view.recent) } }, "CSV")],
        h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Warnings" }, list)),
      h("div", { class: "w4 stack" },
        card("", "Where levels begin", [], h("table", { class: "levels" }, h("thead", {}, h("tr", {}, ...["Level", "Margin ratio", "or falls by a move of", "Accounts"].map((w, k) => h("th", { scope: "col", class: k ? "num" : null }, w)))), levels),
          h("p", { class: "note" }, "Margin ratio is maintenance over equity; 1 is liquidation. They are set when the server starts: --approaching, --margin-call, --imminent, --within.")),
        card("", "Who is told", [], channels))),
    h("section", { class: "card", id: "settings" }, h("div", { class: "head" }, h("h2", {}, "Settings")), await settings(again),
      h("p", { class: "note" }, "They stay in this browser and are sent nowhere. The server is told a random name of this browser, so that clients take turns.")));
  line.hear("watch", (frame) => {
    if (frame.snapshot) {
      view.recent = frame.snapshot.recent.slice().reverse();
      view.state = frame.snapshot.state;
    }
    for (const event of frame.events ?? []) {
      if (event.state) view.state = event.state;
      if (event.notice) view.recent.unshift({ ...event.notice, fresh: true });
    }
    view.recent.length = Math.min(view.recent.length, MOST);
    again();
  });
  addEventListener("chosen", again);
  return () => removeEventListener("chosen", again);
}

const card = (width, words, tools, ...inside) => h("section", { class: `card ${width}` }, h("div", { class: "head" }, h("h2", {}, words), ...tools), ...inside);

function level(again) {
  return h("select", { id: "level", on: { change: (e) => { choose("level", e.target.value); again(); } } },
    ...[["0", "all, with all-clears"], ["1", "approaching"], ["2", "margin call"], ["3", "imminent"]].map(([v, w]) => h("option", { value: v, selected: v === setting("level") }, w)));
}

function draw(view, { tiles, list, levels, channels, told, none }) {
  const s = view.state;
  if (!s) return;
  const watched = s.book !== undefined;
  none.hidden = watched && !s.error;
  if (!watched) none.replaceChildren(h("p", {}, "No watch runs. Start the server with your book and --watch: "), h("p", {}, h("code", {}, "seawall serve --book book.csv --watch")), h("p", {}, "Addresses of apprise after --alert, or in SEAWALL_ALERTS, are told too."));
  else if (s.error) none.replaceChildren(h("p", {}, `The watch ended: ${s.error}`));
  told.textContent = watched ? `${s.synthetic ? "Synthetic: the example's positions, watched along the recording" : `The book that the server opened with, by ${s.marks}`}. Times ${zoneName()}.` : "";
  tiles.hidden = !watched;
  if (watched) tiles.replaceChildren(
    tile("Feed of marks", FEED[s.feed] ?? s.feed, s.last_mark ? `last ${dayIn(s.last_mark)} ${clockIn(s.last_mark)} ${zoneName()}` : "no mark yet", s.why ?? "", `${count(s.taken)} marks; ${count(s.unknown)} of what is not held; connection broken ${count(s.broken)} ${s.broken === 1 ? "time" : "times"}`),
    tile("Accounts", count(s.accounts), `${count(s.warnings)} ${s.warnings === 1 ? "warning" : "warnings"} since the start`),
    ...LEVELS.slice(1).map((name) => tile(name.charAt(0).toUpperCase() + name.slice(1), count(s.levels[name]), `of ${count(s.accounts)} accounts, now`)));
  levels.replaceChildren(...(watched ? rows(s) : [h("tr", {}, h("td", { colspan: 4, class: "quiet" }, "–"))]));
  channels.replaceChildren(watched && s.channels.length ? h("table", {}, h("thead", {}, h("tr", {}, ...["Channel", "Address", "Sent", "Failed", "Waiting"].map((w, k) => h("th", { scope: "col", class: k > 1 ? "num" : null }, w)))),
    h("tbody", {}, ...s.channels.map((c) => h("tr", {}, h("td", {}, c.name), h("td", {}, h("code", {}, c.address)), h("td", { class: "num" }, count(c.sent)), h("td", { class: "num" }, count(c.failed)), h("td", { class: "num" }, count(c.waiting))))))
    : h("p", { class: "note" }, "Nobody but this page. Channels are given when the server starts: --alert URL or SEAWALL_ALERTS; of an address only its kind is ever shown here."));
  const least = Number(setting("level")), shown = view.recent.filter((n) => gravity(n) >= least);
  list.replaceChildren(...(shown.length ? shown.map(notice) : [h("li", { class: "quiet" }, watched ? (view.recent.length ? "None of that level yet." : "Nothing to warn of so far.") : "Nothing is watched.")]));
  view.recent.forEach((n) => { n.fresh = false; });
}

const tile = (label, figure, ...small) => h("div", { class: "tile" }, h("dt", {}, label), h("dd", {}, figure, ...small.filter(Boolean).map((w) => h("small", {}, w))));

function rows(s) {
  const t = s.thresholds, from = [t.approaching, t.margin_call, t.imminent];
  return LEVELS.slice(1).map((name, k) => h("tr", {}, h("td", {}, h("span", { class: `badge l${k + 1}` }, name)), h("td", { class: "num" }, percent(from[k], 0)), h("td", { class: "num" }, t.moves.length ? percent(t.moves[k], 1) : "–"), h("td", { class: "num" }, count(s.levels[name]))));
}

// A dead feed is as grave as anything: nothing is watched then; nor is an account that left the book.
const gravity = (n) => (n.event === "warning" ? LEVELS.indexOf(n.level) : ["feed dead", "watch ends", "accounts", "mark"].includes(n.event) ? 3 : 0);

function notice(n) {
  const words = n.event === "warning" || n.event === "calm" || n.event === "eased" ? n.level : n.event;
  return h("li", { class: n.fresh ? "fresh" : null }, h("time", { datetime: n.time }, `${dayIn(n.time)} ${clockIn(n.time)}`), h("span", { class: `badge l${gravity(n)}` }, words), h("span", {}, n.text));
}

function save(recent) {
  const cell = (v) => (v === null || v === undefined ? "" : /[",\n]/.test(v) ? `"${String(v).replaceAll('"', '""')}"` : v);
  const names = ["time", "event", "account", "venue", "level", "before", "margin_ratio", "equity_usd", "row", "instrument", "side", "mark_price", "liquidation_price", "distance", "move_survived", "add_usd", "text"];
  keep("alerts.csv", "text/csv", [names, ...recent.map((n) => names.map((k) => n[k]))].map((r) => r.map(cell).join(",")).join("\n") + "\n");
}

async function settings(again) {
  const live = await asked("/api/v1/live").catch(() => ({ assets: [] }));
  const root = document.documentElement;
  const themed = (value) => { localStorage.setItem("theme", value); root.dataset.theme = value; document.getElementById("theme").textContent = value === "dark" ? "Light" : "Dark"; dispatchEvent(new Event("themed")); };
  const field = (name, label, help, input) => h("div", { class: "field" }, h("label", { for: `set-${name}` }, label), input, h("small", {}, help));
  const select = (name, options, now, act) => h("select", { id: `set-${name}`, on: { change: (e) => act(e.target.value) } }, ...options.map(([v, w]) => h("option", { value: v, selected: v === now }, w)));
  const least = h("input", { id: "set-least", type: "text", inputmode: "decimal", value: setting("least"), on: { change: (e) => {
    const usd = Number(e.target.value), wrong = !(usd >= 0 && Number.isFinite(usd));
    e.target.setAttribute("aria-invalid", String(wrong));
    amiss.textContent = wrong ? "USD, 0 or more, such as 100000." : "";
    if (!wrong) choose("least", String(usd));
  } } });
  const amiss = h("small", { class: "amiss", role: "alert" });
  const least_ = field("least", "Tape shows from, USD", "Smaller liquidations are left out of the tape on Overview.", least);
  least_.append(amiss);
  return h("div", { class: "fields" },
    field("theme", "Theme", "Dark or light.", select("theme", [["dark", "dark"], ["light", "light"]], root.dataset.theme, themed)),
    field("zone", "Time zone", "Dates in files that are saved stay UTC.", select("zone", [["UTC", "UTC"], ["local", `this computer's (${Intl.DateTimeFormat().resolvedOptions().timeZone ?? "local"})`]], setting("zone"), (v) => { choose("zone", v); again(); })),
    field("asset", "Asset", "That the map opens with.", select("asset", [["", "the largest"], ...(live.assets ?? []).map((a) => [a, a])], setting("asset"), (v) => choose("asset", v))),
    least_);
}
