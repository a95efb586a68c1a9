// Tables: sorting, showing all rows, saving as CSV.
function csvText(lines) {
  const cell = (value) => {
    const plain = value === null || value === undefined ? "" : String(value);
    return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  return lines.map((line) => line.map(cell).join(",")).join("\n") + "\n";
}

function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const rawOf = (cell) => (cell.hasAttribute("data-v") ? cell.dataset.v : cell.textContent);

function startTable(node) {
  const body = node.querySelector("tbody");
  const heads = [...node.querySelectorAll("thead th")];
  heads.forEach((head, k) => {
    head.querySelector("button").addEventListener("click", () => {
      const first = head.classList.contains("n") ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      sortRows(body, k, head.classList.contains("n"), order === "ascending" ? 1 : -1);
    });
  });
  const all = node.querySelector("button.all");
  if (all) {
    all.addEventListener("click", () => {
      const cut = body.classList.toggle("cut");
      all.textContent = cut ? all.dataset.more : all.dataset.fewer;
      all.setAttribute("aria-expanded", String(!cut));
    });
  }
  node.querySelector("button.csv").addEventListener("click", () => {
    const head = heads.map((h) => h.dataset.key);
    const rows = [...body.rows].map((row) => [...row.cells].map(rawOf));
    save(`${node.dataset.key}.csv`, csvText([head, ...rows]));
  });
}

// Unknown cells stay at the end either way; equal rows keep their order.
function sortRows(body, column, numeric, direction) {
  const keyed = [...body.rows].map((row) => {
    const raw = rawOf(row.cells[column]);
    const number = Number(raw);
    const value = !numeric || raw === "" || Number.isNaN(number) ? raw : number;
    return { row, value };
  });
  const empty = (v) => v === "" || v === UNKNOWN;
  keyed.sort((a, b) => {
    if (empty(a.value) || empty(b.value)) return empty(a.value) - empty(b.value);
    if (typeof a.value === "number" && typeof b.value === "number") return (a.value - b.value) * direction;
    return String(a.value).localeCompare(String(b.value), "en", { numeric: true }) * direction;
  });
  body.append(...keyed.map((k) => k.row));
}
