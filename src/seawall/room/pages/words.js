// Elements, numbers and times: how everything on the page is written.

export function h(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined));
  return made;
}

export function usd(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  for (const [from, by, unit] of [[1e9, 1e9, " bn"], [1e6, 1e6, " M"], [1e3, 1e3, " k"]]) {
    if (size >= from) return `$${(value / by).toPrecision(3)}${unit}`;
  }
  return `$${value.toFixed(size < 10 ? 2 : 0)}`;
}

export const count = (value) => (value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en-GB"));
export const percent = (value, digits = 1) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(digits)}%`);
export const price = (value) => value.toLocaleString("en-GB", { maximumFractionDigits: value < 10 ? 4 : value < 1000 ? 2 : 0 });
// Times are written in the zone that the reader has chosen; `zoneName` says which that is.
export { clockIn as clock, dayIn as day, zoneName } from "/static/settings.js";

// The example is there only where no book was given: the one that the server opened with is then synthetic too.
export const synthetic = (key, books) => key === "example" || (key === "default" && books.some((b) => b.book === "example"));

// An interval beside a figure; nothing where both ends are the figure itself.
export function between(low, high, write) {
  if (low !== null && low !== undefined && (high === null || high === undefined)) return `${write(low)} or more`;
  return low === null || low === undefined || low === high ? "" : `${write(low)} to ${write(high)}`;
}

export function ink(name) {
  const probe = h("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

export function keep(name, type, content) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const way = h("a", { href: URL.createObjectURL(blob), download: name });
  way.click();
  setTimeout(() => URL.revokeObjectURL(way.href), 1000);
}

// An answer of the server; one that does not come is told as such and not as the browser has it.
// It says which browser asks, so that the clients of a busy server take turns.
const browser = () => {
  if (!localStorage.getItem("seawall-client")) localStorage.setItem("seawall-client", Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36)).join(""));
  return localStorage.getItem("seawall-client");
};

export async function replied(path, given = {}) {
  try {
    return await fetch(path, { ...given, headers: { ...given.headers, "x-seawall-client": browser() } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Once it is there again (the words above say live), ask again.");
  }
}

export async function asked(path) {
  const reply = await replied(path);
  const body = await reply.json();
  if (!reply.ok) throw new Error(body.title ?? `refused (${reply.status})`);
  return body;
}
