// Simulation: a scenario run in the background, scrubbed through, and compared with safeguards on.

import { answered } from "/static/forms.js";
import { csvText, point, startReplay, text } from "/static/figures.js";
import { chartBox, ground, laidOut, picture, styled, tableBox, tile, warnings } from "/static/shown.js";
import { h, keep } from "/static/words.js";

export const title = "Simulation";

const OVER = ["done", "failed", "cancelled"];
const TABLES = [["bearers", "w6"], ["venues", "w12"], ["assets", "w12"], ["minutes", "w6"], ["measures", "w6"], ["events", "w12"]];

export async function open(main, line, left) {
  styled();
  const [scenarios, levers] = await Promise.all([answered("/api/v1/scenarios"), answered("/api/v1/levers")]);
  const given = new URLSearchParams(location.search);
  const view = {
    scenarios, levers, line, left, main, jobs: new Map(), told: new Map(), stop: new AbortController(),
    scenario: scenarios.find((s) => s.name === given.get("scenario")) ?? scenarios.find((s) => s.name === "price-jump") ?? scenarios[0],
    on: leversOf(given.get("levers"), levers), asset: given.get("asset") ?? "", at: Number(given.get("at") ?? -1),
  };
  build(view, given);
  line.hear("runs", (frame) => {
    const told = frame.snapshot ?? frame.events ?? [];
    for (const job of told) heard(view, job);
    // only another server knows them no more: a snapshot may be older than what was just asked
    if (frame.anew) for (const [key, watch] of view.jobs) if (!told.some((j) => j.job === key)) watch.lost();
  });
  await Promise.all([restored(view, "run", given.get("run")), restored(view, "compare", given.get("compare"))]);
  return () => view.stop.abort();
}

// Safeguards of an address: name and settings; what is not known is left out.
function leversOf(text, levers) {
  try {
    const found = JSON.parse(text ?? "{}");
    return Object.fromEntries(Object.entries(found).filter(([name, set]) => levers.some((l) => l.name === name) && set && typeof set === "object"));
  } catch {
    return {};
  }
}

function build(view, given) {
  const { scenarios, scenario } = view;
  const choice = h("select", { id: "scenario" }, ...scenarios.map((s) => h("option", { value: s.name, selected: s === scenario }, s.title)));
  view.question = h("p", { class: "note" }, scenario.question);
  view.seed = h("input", { id: "seed", type: "number", min: 0, max: 2147483647, step: 1, value: given.get("seed") ?? 0 });
  view.runs = h("input", { id: "runs", type: "number", min: 2, max: 200, step: 1, value: given.get("runs") ?? 20 });
  view.over = h("input", { id: "over", type: "checkbox", checked: given.get("over") === "1" });
  view.safeguards = h("div", { class: "levers" }, ...view.levers.map((lever) => safeguard(view, lever)));
  view.run = task("Run", () => ask(view, "run"));
  view.compare = task("Compare", () => ask(view, "compare"));
  view.file = h("pre", { class: "file" });
  const field = (id, words, input) => h("div", { class: "field" }, h("label", { for: id }, words), input);
  view.played = h("div", { class: "shown", id: "played" }, h("p", { class: "quiet" }, "Nothing has been run yet. Press Run: it goes on in the background, and can be cancelled."));
  view.compared = h("div", { class: "shown", id: "compared" });
  view.main.replaceChildren(
    h("div", { class: "bar" }, h("h1", {}, "Simulation"), h("span", { class: "quiet" }, "A model, not a forecast. Times since the start; the start is UTC. Amounts in USD.")),
    h("div", { class: "grid" },
      h("section", { class: "card w6 asks" }, h("div", { class: "head" }, h("h2", {}, "Scenario")),
        h("div", { class: "fields" }, field("scenario", "What happens", choice), field("seed", "Seed", view.seed),
          h("div", { class: "field flag" }, h("label", { for: "over" }, "Run it with the safeguards on"), view.over)),
        view.question, view.run.node),
      h("section", { class: "card w6 asks" }, h("div", { class: "head" }, h("h2", {}, "Safeguards against the base")), view.safeguards,
        h("div", { class: "fields" }, field("runs", "Runs of each, same noise", view.runs)), view.compare.node,
        h("details", {}, h("summary", {}, "The same on the command line"), view.file))),
    view.played, view.compared);
  choice.addEventListener("change", () => {
    view.scenario = scenarios.find((s) => s.name === choice.value);
    view.question.textContent = view.scenario.question;
    changed(view);
  });
  for (const input of [view.seed, view.runs, view.over]) input.addEventListener("change", () => changed(view));
  changed(view);
}

// One safeguard: a switch, and its settings while it is on.
function safeguard(view, lever) {
  const set = { ...(view.on[lever.name] ?? lever.begin) }, id = `lever-${lever.name}`;
  const flip = h("input", { id, type: "checkbox", checked: lever.name in view.on });
  const inputs = h("div", { class: "settings", hidden: !flip.checked }, ...Object.keys(set).map((key) => setting(view, lever, set, key)));
  flip.addEventListener("change", () => {
    inputs.hidden = !flip.checked;
    if (flip.checked) view.on[lever.name] = set;
    else delete view.on[lever.name];
    changed(view);
  });
  if (flip.checked) view.on[lever.name] = set;
  return h("div", { class: "lever" }, h("div", {}, flip, h("label", { for: id, title: lever.what }, lever.title)), inputs);
}

function setting(view, lever, set, key) {
  const about = lever.settings[key]?.description ?? "", id = `${lever.name}-${key}`;
  const input = typeof set[key] === "boolean" ? h("input", { id, type: "checkbox", checked: set[key] }) : h("input", { id, type: "text", autocomplete: "off", value: set[key] });
  input.addEventListener("change", () => {
    const number = Number(input.value);
    set[key] = input.type === "checkbox" ? input.checked : input.value.trim() !== "" && Number.isFinite(number) ? number : input.value.trim();
    changed(view);
  });
  return h("div", { class: "field" }, h("label", { for: id }, key.replaceAll("_", " ")), input, h("small", {}, about));
}

// Button, progress and cancel of a job.
function task(words, act) {
  const button = h("button", { class: "tool go", type: "button", on: { click: act } }, words);
  const bar = h("progress", { max: 100, hidden: true, "aria-label": `${words}: progress` }), state = h("span", { class: "quiet", role: "status" });
  const cancel = h("button", { class: "tool", type: "button", hidden: true }, "Cancel");
  const wrong = h("div", { class: "wrong", role: "alert", hidden: true });
  return { button, bar, state, cancel, wrong, node: h("div", { class: "task" }, h("div", { class: "pair" }, button, cancel, bar, state), wrong) };
}

function changed(view) {
  const on = Object.keys(view.on).length;
  view.compare.button.disabled = !on;
  view.over.disabled = !on;
  if (!on) view.over.checked = false;
  if (!view.compare.job) view.compare.state.textContent = on ? "" : "Switch a safeguard on first.";
  const lines = [`extends = ${JSON.stringify(view.scenario.name)}`];
  for (const [name, set] of Object.entries(view.on)) lines.push("", `[levers.${name}]`, ...Object.entries(set).map(([k, v]) => `${k} = ${JSON.stringify(v)}`));
  const scenario = view.over.checked ? "reform.toml" : view.scenario.name;
  view.file.textContent = `${on ? `# reform.toml\n${lines.join("\n")}\n\n` : ""}seawall simulate ${scenario} --seed ${view.seed.value}\n${on ? `seawall compare ${view.scenario.name} reform.toml --runs ${view.runs.value} --seed ${view.seed.value}\n` : ""}`;
  address(view);
}

// The address restores everything: what was asked, what came of it, and the moment looked at.
function address(view) {
  const kept = new URLSearchParams({ scenario: view.scenario.name, seed: view.seed.value, runs: view.runs.value });
  if (Object.keys(view.on).length) kept.set("levers", JSON.stringify(view.on));
  if (view.over.checked) kept.set("over", "1");
  if (view.run.job) kept.set("run", view.run.job);
  if (view.compare.job) kept.set("compare", view.compare.job);
  if (view.asset) kept.set("asset", view.asset);
  if (view.at >= 0) kept.set("at", view.at);
  if (!view.left.aborted) history.replaceState(null, "", `/simulation?${kept}`);
}

function question(view, what) {
  const seed = Number(view.seed.value);
  if (what === "compare") return ["compare", { base: view.scenario.name, levers: view.on, runs: Number(view.runs.value), seed }];
  return ["simulate", { scenario: view.scenario.name, seed, levers: view.over.checked ? view.on : {} }];
}

async function ask(view, what) {
  const part = view[what], [command, body] = question(view, what);
  part.wrong.hidden = true;
  // a second click is no second run
  part.button.disabled = true;
  try {
    const job = await answered(`/api/v1/jobs/${command}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    part.fresh = job.job;
    follow(view, what, job);
  } catch (error) {
    part.button.disabled = false;
    blame(part, error.message, error.mistakes);
  }
}

function blame(part, words, mistakes = []) {
  part.wrong.hidden = false;
  part.wrong.replaceChildren(h("p", {}, `${words}.`), ...mistakes.slice(0, 6).map((m) => h("p", {}, [m.column || m.where, m.what, m.value ? `got ${m.value}` : "", m.allowed ? `allowed: ${m.allowed}` : "", m.mend].filter(Boolean).join("; "))));
}

// A job of an address: its answer if the server still has it, else it is asked for again.
async function restored(view, what, job) {
  if (!job) return;
  try {
    follow(view, what, await answered(`/api/v1/jobs/${encodeURIComponent(job)}`));
  } catch {
    await ask(view, what);
  }
}

function follow(view, what, job) {
  const part = view[what];
  if (part.job && part.job !== job.job) view.jobs.delete(part.job);
  part.job = job.job;
  part.cancel.onclick = () => answered(`/api/v1/jobs/${job.job}`, { method: "DELETE" }).catch((error) => blame(part, error.message));
  view.jobs.set(job.job, {
    told: (now) => progress(view, what, now),
    // a server that was started again knows it no more
    lost: () => { view.jobs.delete(job.job); busy(part, false); part.state.textContent = "The server was started again: run it once more."; },
  });
  address(view);
  progress(view, what, view.told.get(job.job) ?? job);
}

// What is told of a job may be here before the answer to who asked for it.
function heard(view, job) {
  view.told.set(job.job, job);
  view.jobs.get(job.job)?.told(job);
}

function busy(part, on) {
  part.bar.hidden = part.cancel.hidden = !on;
  part.button.disabled = on;
}

async function progress(view, what, job) {
  const part = view[what];
  if (job.job !== part.job || part.shown === job.job) return;
  busy(part, !OVER.includes(job.state));
  const share = /(\d+)%/.exec(job.step) ?? [], of = /(\d+) of (\d+)/.exec(job.step);
  const done = share[1] ?? (of ? (100 * of[1]) / of[2] : null);
  if (done === null) part.bar.removeAttribute("value");
  else part.bar.value = done;
  part.state.textContent = job.state === "running" || job.state === "waiting" ? job.step : job.state === "done" ? `Done in ${job.seconds.toFixed(1)} s.` : job.state === "cancelled" ? "Cancelled." : "";
  if (job.state === "failed") blame(part, job.problem?.title ?? "It failed", job.problem?.mistakes);
  if (job.state !== "done") return;
  part.shown = job.job;
  try {
    const answer = await answered(`/api/v1/jobs/${job.job}/shown`, { signal: view.stop.signal });
    if (what === "compare") comparison(view, answer, job);
    else play(view, answer, job);
    // who waited for it is taken there; an opened address stays at its top
    if (part.fresh === job.job) (what === "compare" ? view.compared : view.played).scrollIntoView({ block: "start" });
  } catch (error) {
    if (error.name === "AbortError") return;
    blame(part, error.message, error.mistakes);
  }
  changed(view);
}

function comparison(view, answer, job) {
  view.compared.replaceChildren(h("section", { class: "card", id: "comparison" }, h("div", { class: "head" }, h("h2", {}, answer.title)),
    laidOut(answer, { asJson: `/api/v1/jobs/${job.job}/result` })));
}

function play(view, answer, job) {
  const charts = new Map(answer.charts.map((c) => [c.key, c])), tables = new Map(answer.tables.map((t) => [t.key, t]));
  const assets = answer.charts.filter((c) => c.key.startsWith("price_")).map((c) => c.key.slice(6));
  if (!assets.includes(view.asset)) view.asset = assets[0] ?? "";
  const started = [], of = h("div", { class: "grid" }), now = h("tbody"), when = h("h3", {});
  const replay = answer.replays[0], box = replay && replayBox(replay, started);
  const choice = h("select", { id: "asset", on: { change: (e) => { view.asset = e.target.value; address(view); drawn(); } } }, ...assets.map((a) => h("option", { value: a, selected: a === view.asset }, a)));
  view.played.replaceChildren(
    h("div", { class: "bar" }, h("h2", {}, answer.title), h("label", {}, "Prices and depth of", choice)),
    ...answer.answer.map((words, k) => h("p", { class: k ? null : "first" }, words)),
    h("dl", { class: "tiles" }, ...answer.headlines.map(tile)),
    box ? card("w12", box) : "",
    h("section", { class: "card now" }, h("div", { class: "head" }, when), h("div", { class: "scroll" }, h("table", { id: "now" },
      h("thead", {}, h("tr", {}, ...["Venue", "Price", "Bids within 1%", "Auto-deleveraged", "Fund, change"].map((w, k) => h("th", { scope: "col", class: k ? "num" : null }, w)))), now)),
      h("p", { class: "note", id: "forced" })),
    of,
    h("div", { class: "grid" }, ...["waterfall"].map((key) => card("w6", chartBox(charts.get(key), started))),
      ...TABLES.map(([key, wide]) => (tables.get(key)?.rows.length ? card(wide, tableBox(tables.get(key), started)) : ""))),
    warnings(answer.warnings) ?? "", ground(answer, `/api/v1/jobs/${job.job}/result`));
  const drawn = () => {
    const again = [];
    of.replaceChildren(...[`price_${view.asset}`, `depth_${view.asset}`, "adl", "fund"].filter((key) => charts.has(key)).map((key) => card("w6", silent(charts.get(key)) ? nothing(charts.get(key)) : chartBox(charts.get(key), again))));
    again.forEach((start) => start());
    moment();
  };
  const moment = () => at(view, { of, charts, replay, now, when, box });
  started.forEach((start) => start());
  if (box) {
    box.addEventListener("frame", (event) => { view.at = event.detail; moment(); });
    box.querySelector("input").addEventListener("change", () => address(view));
    if (view.at >= 0) scrub(box, Math.min(view.at, replay.second.length - 1));
    else view.at = box.replay.at;
  }
  drawn();
}

const card = (wide, inside) => h("section", { class: `card ${wide}` }, inside);

// A chart of bars that are all nothing is a sentence.
const silent = (chart) => chart.series.every((s) => s.shape === "bars" && s.y.every((v) => !v));
const nothing = (chart) => h("div", { class: "quiet" }, h("h3", {}, chart.title), h("p", {}, "Nothing in this run."));

function scrub(box, frame) {
  const slider = box.querySelector("input");
  slider.value = frame;
  slider.dispatchEvent(new Event("input"));
}

function replayBox(replay, started) {
  const saved = () => {
    const names = ["change", "depth", "long_usd", "short_usd"];
    keep(`${replay.key}.csv`, "text/csv", csvText([["second", "market", ...names], ...replay.second.flatMap((s, f) => replay.names.map((m, k) => [s, m, ...names.map((n) => replay[n][f][k])]))]));
  };
  const tools = h("div", { class: "tools" }, h("button", { class: "tool", type: "button", "aria-label": `Save as CSV: ${replay.title}`, on: { click: saved } }, "CSV"));
  const box = h("figure", { class: "figure replay" }, h("div", { class: "head" }, h("h3", {}, replay.title), tools), h("div", { class: "scrub" }), h("div", { class: "plot" }),
    h("p", { class: "spoken", "aria-live": "polite" }), replay.caption ? h("figcaption", {}, replay.caption) : null);
  started.push(() => {
    startReplay(box, replay);
    tools.append(h("button", { class: "tool", type: "button", "aria-label": `Save as PNG: ${replay.title}`, on: { click: () => picture(box.querySelector("svg"), replay.key) } }, "PNG"));
  });
  return box;
}

// Every chart over time and the table tell the moment that the slider stands at.
function at(view, { of, charts, replay, now, when, box }) {
  if (!replay) return;
  const second = replay.second[view.at] ?? 0;
  for (const node of of.querySelectorAll(".figure")) {
    const figure = node.figure, place = nearest(figure?.view.xs ?? [], second);
    if (place >= 0) point(figure, place);
  }
  when.textContent = `At ${box.querySelector("output").textContent} since the start`;
  const [price, depth, adl, fund] = [`price_${view.asset}`, `depth_${view.asset}`, "adl", "fund"].map((key) => charts.get(key));
  const told = (chart, venue, unit) => {
    const series = chart?.series.find((s) => s.name === venue), k = series ? nearest(series.x, second) : -1;
    return k < 0 ? "–" : text(series.y[k], unit);
  };
  const venues = [...new Set([price, depth, fund].flatMap((c) => c?.series.filter((s) => s.shape !== "bars").map((s) => s.name) ?? []))];
  now.replaceChildren(...venues.map((v) => h("tr", {}, h("td", {}, v), ...[told(price, v, "price"), told(depth, v, "usd"), told(adl, v, "usd"), told(fund, v, "usd")].map((w) => h("td", { class: "num" }, w)))));
  const liquidated = ["Longs", "Shorts"].map((side) => `${side.toLowerCase()} ${told(price, side, "usd")}`).join(", ");
  document.getElementById("forced").textContent = `${view.asset}, ${price?.y.title ?? ""}: ${liquidated}. Deleveraged per ${adl?.y.title.split(" per ")[1] ?? ""}, all assets.`;
}

function nearest(xs, x) {
  let best = xs.length ? 0 : -1;
  xs.forEach((value, k) => { if (Math.abs(value - x) < Math.abs(xs[best] - x)) best = k; });
  return best;
}
