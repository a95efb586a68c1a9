// Sending a book: the file, and what is added where the file leaves it out.

import { answered } from "/static/forms.js";
import { h } from "/static/words.js";

const FIELDS = [
  ["price", "Marks of rows without one", "BTC=86600, ETH=2830", "USD by coin or instrument."],
  ["venue", "Venue of rows that name none", "binance", "As on the command line: --venue."],
  ["at", "Time of the book", "2025-11-21T03:20:00Z", "UTC, or which of its snapshots."],
];

// `said` takes what was wrong, `act` what the server says of the book it took.
export function bookSender(words, said, act) {
  const inputs = FIELDS.map(([name, label, none, help]) => [name, label, help, h("input", { id: `sent-${name}`, type: "text", autocomplete: "off", spellcheck: "false", placeholder: none })]);
  const lenient = h("input", { id: "sent-lenient", type: "checkbox" });
  const file = h("input", { type: "file", accept: ".csv,.tsv,.json,.jsonl,.parquet,.gz", hidden: true, "aria-label": words });
  const button = h("button", { class: "tool", type: "button", on: { click: () => file.click() } }, words);
  const field = (name, label, help, input) => h("div", { class: "field" }, h("label", { for: `sent-${name}` }, label), input, h("small", {}, help));
  const more = h("details", { class: "filling" }, h("summary", {}, "What the file leaves out"), h("div", { class: "card" },
    h("p", { class: "note" }, "Filled in before the file is sent; what the file says counts first, but for the time."),
    ...inputs.map(([name, label, help, input]) => field(name, label, help, input)),
    h("div", { class: "field flag" }, h("label", { for: "sent-lenient" }, "Set faulty rows aside"), lenient, h("small", {}, "They are counted and listed, not computed."))));
  file.addEventListener("change", async () => {
    const [sent] = file.files;
    if (!sent) return;
    const asked = new URLSearchParams({ name: sent.name });
    for (const [name, , , input] of inputs) if (input.value.trim()) asked.set(name, input.value.trim());
    if (lenient.checked) asked.set("lenient", "true");
    button.disabled = true;
    button.textContent = `Reading ${sent.name} …`;
    said.hidden = true;
    try {
      act(await answered(`/api/v1/books?${asked}`, { method: "POST", body: sent }));
    } catch (error) {
      said.hidden = false;
      said.replaceChildren(h("p", {}, `${sent.name} was not taken: ${error.message}.`), ...(error.mistakes ?? []).slice(0, 6).map((m) => h("p", {}, told(m))));
      more.open = true;
    } finally {
      button.disabled = false;
      button.textContent = words;
      file.value = "";
    }
  });
  return h("span", { class: "pair" }, button, file, more);
}

const told = (m) => [m.where, m.row ? `row ${m.row}` : "", m.column, m.what, m.value ? `got ${m.value}` : "", m.allowed ? `allowed: ${m.allowed}` : "", m.mend].filter(Boolean).join(", ");
