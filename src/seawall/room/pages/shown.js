// A command's answer in words, laid out: tiles, sentences, warnings, charts, tables, what it rests on.

import { startFigure, startTable } from "/static/figures.js";
import { h, keep } from "/static/words.js";

const FIRST_ROWS = 25, OPEN_WARNINGS = 3;

// `only` names the tables that are wanted, in order; all by default.
// `made` says that the book is a synthetic one: no figure of it is measured.
export function laidOut(answer, { only = null, asJson = "", made = false } = {}) {
  styled();
  const charts = new Map(answer.charts.map((c) => [c.key, c]));
  const tables = new Map(answer.tables.map((t) => [t.key, t]));
  const box = h("div", { class: "shown" },
    ...answer.answer.map((words, k) => h("p", { class: k ? null : "first" }, words)),
    answer.headlines.length ? h("dl", { class: "tiles" }, ...answer.headlines.map((f) => tile(f, made))) : null,
    warnings(answer.warnings));
  const wanted = only ? [{ title: "", text: "", items: only }] : answer.sections;
  const started = [];
  for (const section of wanted) {
    const parts = section.items.flatMap((key) => (charts.has(key) ? [chartBox(charts.get(key), started)] : tables.has(key) && (tables.get(key).rows.length || only) ? [tableBox(tables.get(key), started)] : []));
    if (!parts.length) continue;
    // a heading that says what its first figure says is said once
    const again = (charts.get(section.items[0]) ?? tables.get(section.items[0]))?.title === section.title;
    box.append(...(section.title && !again ? [h("h3", { class: "part" }, section.title)] : []), ...(section.text ? [h("p", { class: "note" }, section.text)] : []), ...parts);
  }
  box.append(ground(answer, asJson));
  // a chart measures its frame, which must be on the page
  queueMicrotask(() => started.forEach((start) => start()));
  return box;
}

export function styled() {
  if (document.querySelector("link[href='/static/shown.css']")) return;
  document.head.append(h("link", { rel: "stylesheet", href: "/static/shown.css" }));
}

const tile = (f, made = false) => h("div", { class: "tile" }, h("dt", {}, f.label),
  h("dd", {}, f.text, ...[f.interval, f.note].filter(Boolean).map((w) => h("small", {}, w)), f.kind ? h("small", { class: "kind" }, made === true && f.kind === "measured" ? "of a synthetic book" : f.kind) : null));

function warnings(all) {
  if (!all.length) return null;
  const items = all.map((w) => h("li", {}, w));
  const more = items.slice(OPEN_WARNINGS);
  return h("aside", { class: "warnings" }, h("h3", {}, "Before using this"), h("ul", {}, ...items.slice(0, OPEN_WARNINGS)),
    more.length ? h("details", {}, h("summary", {}, `${more.length} more`), h("ul", {}, ...more)) : null);
}

function ground(answer, asJson) {
  const rests = answer.assumptions.map((a) => h("li", {}, a.text, a.source ? h("small", {}, ` Source: ${a.source}`) : null));
  return h("details", { class: "ground" }, h("summary", {}, "What this rests on"), h("ol", {}, ...rests),
    h("dl", {}, ...answer.inputs.flatMap(([k, v]) => [h("dt", {}, k), h("dd", {}, v)])),
    asJson ? h("p", {}, h("a", { href: asJson, target: "_blank", rel: "noopener" }, "The same as JSON")) : null);
}

function chartBox(chart, started) {
  const tools = h("div", { class: "tools" });
  const box = h("figure", { class: "figure" }, h("div", { class: "head" }, h("h3", {}, chart.title), tools), h("div", { class: "keys legend" }),
    h("div", { class: "plot" }), h("p", { class: "spoken", "aria-live": "polite" }), chart.caption ? h("figcaption", {}, chart.caption) : null);
  started.push(() => {
    startFigure(box, chart);
    tools.append(h("button", { class: "tool", type: "button", "aria-label": "Save this chart as PNG", on: { click: () => picture(box.querySelector("svg"), chart.key) } }, "PNG"));
  });
  return box;
}

function tableBox(table, started) {
  const cut = table.rows.length > FIRST_ROWS;
  const more = `Show all ${table.rows.length} rows`, fewer = `Show the first ${FIRST_ROWS}`;
  // a phone keeps the columns that a narrow terminal keeps
  const some = table.columns.some((c) => c.brief), looks = (c, word) => [word, some && !c.brief ? "rest" : null].filter(Boolean).join(" ") || null;
  const head = table.columns.map((c) => h("th", { scope: "col", class: looks(c, c.left ? null : "n"), "data-key": c.key }, h("button", { type: "button", title: c.note || null }, c.title)));
  const rows = table.rows.map((row) => h("tr", {}, ...row.map(([text, exact], k) => h("td", { class: looks(table.columns[k], table.columns[k].left ? tone(text) : "n"), "data-v": exact, "data-label": table.columns[k].title }, text))));
  // on a phone a row of many figures is a block of them, each with its name
  const stacked = table.columns.filter((c) => !some || c.brief).length > 5;
  const box = h("div", { class: stacked ? "sheet stacked" : "sheet", "data-key": table.key },
    h("div", { class: "head" }, h("h3", {}, table.title), h("div", { class: "tools" }, h("button", { class: "tool csv", type: "button", "aria-label": `Save as CSV: ${table.title}` }, "CSV"))),
    rows.length ? h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": table.title },
      h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", { class: cut ? "cut" : null }, ...rows))) : h("p", { class: "quiet" }, "Nothing to list."),
    cut ? h("button", { class: "tool all", type: "button", "aria-expanded": "false", "data-more": more, "data-fewer": fewer }, more) : null,
    table.left_out ? h("p", { class: "note" }, `${table.left_out.toLocaleString("en-GB")} more rows are in the JSON.`) : null,
    table.caption ? h("p", { class: "note" }, table.caption) : null,
    some ? h("p", { class: "note narrow-only" }, "More columns on a wider screen and in the CSV.") : null);
  if (rows.length) started.push(() => startTable(box));
  return box;
}

const tone = (text) => (text === "long" || text === "short" ? text : null);

const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "font-weight", "font-family", "paint-order", "visibility"];

// An SVG with its styles written into it, drawn on a canvas twice as fine.
function picture(svg, name) {
  const copy = svg.cloneNode(true), box = svg.getBoundingClientRect();
  const all = [...svg.querySelectorAll("*")];
  [...copy.querySelectorAll("*")].forEach((node, k) => {
    const known = getComputedStyle(all[k]);
    for (const property of DRAWN) node.setAttribute(property, known.getPropertyValue(property));
  });
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const image = new Image();
  image.addEventListener("load", () => {
    const canvas = h("canvas", { width: Math.round(2 * box.width), height: Math.round(2 * box.height) });
    const pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(svg.closest(".card")).backgroundColor;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => keep(`${name}.png`, "", blob));
  });
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}

export { chartBox, ground, picture, tableBox, tile, warnings };
