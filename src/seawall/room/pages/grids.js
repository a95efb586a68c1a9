// Where the map page's picture comes from: the recorded run through time, or a book at its marks.

import { asked, replied } from "/static/words.js";
import { shadeOf } from "/static/heat.js";

// The run's map up to now. Each cell's amount is looked up: the server tells the USD of each shade.
export async function ofRun(asset) {
  const about = await asked(`/api/v1/live/map/${asset}`);
  const shades = new Uint8Array(await (await replied(`/api/v1/live/map/${asset}/shades`)).arrayBuffer());
  const start = Date.parse(about.start) / 1000, columns = [];
  for (let k = 0; k < about.columns; k++) columns.push(shades.subarray(k * about.rows, (k + 1) * about.rows));
  const amount = (row, column) => {
    const sum = about.usd_of_shade[columns[column][row]];
    return about.long[row] ? { long: sum, short: 0 } : { long: 0, short: sum };
  };
  const grid = { low: about.low, high: about.high, rows: about.rows, first: start + about.first_second, step: about.step_seconds, deepest: about.deepest_usd, spacing: 60, amount };
  return { grid, columns, start, candles: about.candles.map(([s, ...p]) => [start + s, ...p]) };
}

// A book's map: one column that holds at each time. The steps are half of those that the clusters
// are found on, which are the command's own.
export async function ofBook(book, asset) {
  const named = `book=${encodeURIComponent(book)}&asset=${encodeURIComponent(asset)}`;
  const coarse = await asked(`/api/v1/map?${named}&clusters=40`), whole = coarse.maps[asset];
  const fine = (await asked(`/api/v1/map?${named}&step=${(whole.edges[1] - whole.edges[0]) / 2}`)).maps[asset];
  const rows = fine.long_usd.length, venues = Object.entries(fine.by_venue);
  const amount = (row) => ({ long: fine.long_usd[row], short: fine.short_usd[row] });
  const by = (row) => venues.map(([name, v]) => [name, v.long_usd[row] + v.short_usd[row]]).filter(([, sum]) => sum > 0).sort((a, b) => b[1] - a[1]);
  const sums = fine.long_usd.map((long, k) => long + fine.short_usd[k]), deepest = Math.max(0, ...sums);
  const column = Uint8Array.from(sums, (sum) => shadeOf(sum, deepest));
  const grid = { low: fine.edges[0], high: fine.edges.at(-1), rows, holds: true, deepest, spacing: 60, amount, by };
  return { grid, columns: [column], fine, whole, clusters: coarse.clusters, mark: whole.mark };
}

// Candles that may stand before a book's map: of the store's tape, or a file that was sent.
export async function candlesOf(choice, asset) {
  if (!choice) return null;
  const found = await asked(choice === "store" ? `/api/v1/live/candles/${encodeURIComponent(asset)}` : `/api/v1/candles/${encodeURIComponent(choice)}/${encodeURIComponent(asset)}`);
  return found.candles.length ? found : null;
}
