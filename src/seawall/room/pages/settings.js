// What a reader has chosen; it stays in this browser and is sent nowhere.

const PRESETS = { zone: "UTC", asset: "", least: "0", level: "1" };

export function setting(name) {
  return localStorage.getItem(`seawall-${name}`) ?? PRESETS[name];
}

export function choose(name, value) {
  if (value === PRESETS[name]) localStorage.removeItem(`seawall-${name}`);
  else localStorage.setItem(`seawall-${name}`, value);
  dispatchEvent(new Event("chosen"));
}

// The zone that times are written in: UTC, or the one of this computer.
export const localZone = () => setting("zone") === "local";

export function zoneName(at = new Date()) {
  if (!localZone()) return "UTC";
  const minutes = -at.getTimezoneOffset(), whole = Math.trunc(Math.abs(minutes) / 60), rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? "-" : "+"}${whole}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

const two = (n) => String(n).padStart(2, "0");

export function clockIn(iso) {
  if (!localZone()) return iso.slice(11, 19);
  const at = new Date(iso);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function dayIn(iso) {
  if (!localZone()) return iso.slice(0, 10);
  const at = new Date(iso);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
