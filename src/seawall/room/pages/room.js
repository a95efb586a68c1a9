// The shell: pages by address, the state of the line, dark and light.

import { Line } from "/static/line.js";
import { asked, h, zoneName } from "/static/words.js";

const main = document.getElementById("main");
const state = document.getElementById("state");
// A page is a link in the shell and a module of its name.
const PAGES = Object.fromEntries([...document.querySelectorAll("nav a")].map((a) => [a.dataset.page, `/static/${a.dataset.page}.js`]));
const pageOf = (path) => path.slice(1) || "overview";
const line = new Line((open) => {
  state.toggleAttribute("data-on", open);
  state.lastElementChild.textContent = open ? "live" : "reconnecting";
  if (open) banner().catch(() => {});
});
let close = () => {};

// One page after the other: a page that is still opening is not overtaken, but told that it is left.
let turn = Promise.resolve(), leaving = new AbortController();
function show() {
  leaving.abort();
  return (turn = turn.then(change));
}

async function change() {
  const name = pageOf(location.pathname);
  leaving = new AbortController();
  close();
  line.leave();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (link.dataset.page === name) link.parentElement.scrollLeft = link.offsetLeft + link.offsetWidth / 2 - link.parentElement.offsetLeft - link.parentElement.clientWidth / 2;
  }
  if (!Object.hasOwn(PAGES, name)) return nowhere();
  main.replaceChildren(h("p", { class: "quiet", role: "status" }, "Loading …"));
  try {
    const page = await import(PAGES[name]).catch((error) => { throw /fetch|import/i.test(error.message) ? new Error("the server does not answer") : error; });
    document.title = `${page.title} · Seawall`;
    close = (await page.open(main, line, leaving.signal)) ?? (() => {});
  } catch (error) {
    main.replaceChildren(h("div", { class: "wrong", role: "alert" }, `This page could not be shown: ${error.message}. `,
      h("button", { class: "tool", type: "button", on: { click: show } }, "Try again")));
  }
}

function nowhere() {
  document.title = "No such page · Seawall";
  close = () => {};
  main.replaceChildren(h("h1", {}, "There is no such page"), h("p", { class: "quiet" }, `Nothing is at ${location.pathname.slice(0, 80)}. These are the pages:`),
    h("ul", {}, ...[...document.querySelectorAll("nav a")].map((a) => h("li", {}, h("a", { href: a.getAttribute("href") }, a.textContent)))),
    h("p", {}, "The REST API is described at ", h("a", { href: "/api/v1/openapi.json" }, "/api/v1/openapi.json"), "."));
}

async function banner() {
  const about = await asked("/api/v1/live");
  const shown = document.getElementById("banner");
  if (about.source === "store") shown.textContent = `Tape ${about.title}${about.recording ? ", recorded meanwhile" : ""}: ${about.now ? `the day to ${about.now.slice(0, 16).replace("T", " ")} UTC` : "nothing is stored yet"}. All amounts USD.`;
  else if (about.synthetic) shown.textContent = `The live tape is synthetic: a recorded run of the simulator (${about.title}), played at ${about.pace} s a second. All times ${zoneName()}, all amounts USD.`;
  shown.hidden = !shown.textContent;
}

// Only links to pages are followed here; what leads to the API, to another tab or to a file is the browser's.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/']");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return;
  if (link.target || link.hasAttribute("download") || !Object.hasOwn(PAGES, pageOf(link.pathname))) return;
  event.preventDefault();
  history.pushState(null, "", link.getAttribute("href"));
  // where a reader has gone on to a field meanwhile, the focus stays
  show().then(() => { if (!main.contains(document.activeElement)) main.focus(); });
});
addEventListener("popstate", show);

const root = document.documentElement;
root.dataset.theme = localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
const theme = document.getElementById("theme");
const name = () => { theme.textContent = root.dataset.theme === "dark" ? "Light" : "Dark"; };
theme.addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  name();
  dispatchEvent(new Event("themed"));
});
name();
addEventListener("chosen", () => banner().catch(() => {}));
// the day that a tape shows moves on
setInterval(() => { if (state.hasAttribute("data-on")) banner().catch(() => {}); }, 60_000);
show();
