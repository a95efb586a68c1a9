// Forms for questions: units, the command's own defaults, and what is wrong beside its field.

import { h, replied } from "/static/words.js";

// A refusal, with its mistakes as the API tells them.
export class Refused extends Error {
  constructor(body, status) {
    super(body?.title ?? `refused (${status})`);
    this.mistakes = body?.mistakes ?? [];
    this.status = status;
  }
}

export async function answered(path, given = {}) {
  const reply = await replied(path, given);
  const body = reply.status === 204 ? null : await reply.json().catch(() => null);
  if (!reply.ok) throw new Refused(body, reply.status);
  return body;
}

// Fields: { name, label, unit, options, kind: text | number | choice | flag, wide }.
export class Form {
  constructor(fields, schema, words, act) {
    this.fields = fields;
    this.schema = schema;
    this.inputs = new Map();
    this.general = h("div", { class: "wrong", role: "alert", hidden: true });
    this.button = h("button", { class: "tool go", type: "submit" }, words);
    const shown = fields.filter((f) => !f.more).map((f) => this.row(f)), rest = fields.filter((f) => f.more).map((f) => this.row(f));
    this.more = rest.length ? h("details", { class: "more" }, h("summary", {}, "More"), h("div", { class: "fields" }, ...rest)) : null;
    this.node = h("form", { novalidate: true, on: { submit: (event) => { event.preventDefault(); act(); } } },
      h("div", { class: "fields" }, ...shown), this.more, this.general, this.button);
  }

  preset(field) {
    const known = this.schema.properties[field.name]?.default;
    return Array.isArray(known) ? "" : known ?? "";
  }

  row(field) {
    const id = `field-${field.name}`, preset = this.preset(field);
    const help = field.help ?? this.schema.properties[field.name]?.description ?? "";
    const common = { id, name: field.name, "aria-describedby": `${id}-help ${id}-wrong` };
    let input;
    if (field.kind === "choice") input = h("select", common, ...field.options.map(([v, w]) => h("option", { value: v, selected: String(v) === String(preset) }, w)));
    else if (field.kind === "flag") input = h("input", { ...common, type: "checkbox", checked: preset === true });
    else input = h("input", { ...common, type: "text", inputmode: field.kind === "number" ? "decimal" : null, autocomplete: "off", spellcheck: "false", value: String(preset), placeholder: preset === "" ? field.none ?? "none" : null });
    this.inputs.set(field.name, input);
    return h("div", { class: `field${field.kind === "flag" ? " flag" : ""}` }, h("label", { for: id }, field.label, field.unit ? h("span", { class: "unit" }, `, ${field.unit}`) : null), input,
      h("small", { id: `${id}-help` }, help), h("small", { id: `${id}-wrong`, class: "amiss", role: "alert" }));
  }

  // What differs from the command's own defaults, by name.
  values() {
    const out = {};
    for (const field of this.fields) {
      const input = this.inputs.get(field.name), preset = this.preset(field);
      const value = field.kind === "flag" ? input.checked : input.value.trim();
      if (field.kind === "flag" ? value !== (preset === true) : value !== "" && value !== String(preset)) out[field.name] = String(value);
    }
    return out;
  }

  fill(given) {
    for (const field of this.fields) {
      const value = given.get(field.name), input = this.inputs.get(field.name);
      if (value === null) continue;
      if (field.kind === "flag") input.checked = value === "true";
      else input.value = value;
      if (field.more) this.more.open = true;
    }
  }

  clean() {
    this.general.hidden = true;
    for (const [name, input] of this.inputs) {
      input.removeAttribute("aria-invalid");
      this.node.querySelector(`#field-${name}-wrong`).textContent = "";
    }
  }

  // Each mistake at the field it names; the rest together above the button.
  blame(error) {
    const left = [];
    let first = null;
    for (const mistake of error.mistakes?.length ? error.mistakes : [{ what: error.message, where: "" }]) {
      const names = [mistake.column, ...String(mistake.where ?? "").split(/[,\s]+/)].filter(Boolean).map((n) => n.replace(/^-+/, "").replaceAll("-", "_").toLowerCase());
      const name = names.find((n) => this.inputs.has(n));
      if (!name) { left.push(words(mistake, true)); continue; }
      const input = this.inputs.get(name), place = this.node.querySelector(`#field-${name}-wrong`);
      input.setAttribute("aria-invalid", "true");
      place.textContent = [place.textContent, words(mistake, false)].filter(Boolean).join(" ");
      if (input.closest("details")) this.more.open = true;
      first ??= input;
    }
    this.general.hidden = !left.length;
    this.general.replaceChildren(...left.map((w) => h("p", {}, w)));
    first?.focus();
  }
}

function words(mistake, where) {
  const parts = [where && mistake.where ? `${mistake.where}: ` : "", mistake.what, mistake.value ? ` (got ${mistake.value})` : "", mistake.allowed ? `; allowed: ${mistake.allowed}` : "", mistake.mend ? `. ${mistake.mend}` : ""];
  const said = parts.join("");
  return `${said.charAt(0).toUpperCase()}${said.slice(1)}${/[.!?]$/.test(said) ? "" : "."}`;
}
