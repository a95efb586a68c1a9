// Numbers in words: the same rules as seawall/report/numbers.py, for values known only here.
const UNKNOWN = "–";
const MONEY = [[1e12, " tn"], [1e9, " bn"], [1e6, " M"], [1e3, " k"]];
const SIX_DIGITS = [1e5, 1e4, 1e3, 1e2, 1e1, 1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];
const TWO_DIGITS = [0.095, 0.0095, 0.00095, 0.000095];
const LONG = 2 * 86400;

function fixed(number, decimals) {
  if (number >= 1e21) return number.toExponential(3);
  const [whole, part] = number.toFixed(decimals).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return part ? `${grouped}.${part}` : grouped;
}

const trimmed = (digits) => (digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits);

function money(number) {
  for (const [scale, suffix] of MONEY) {
    if (number >= 0.9995 * scale) {
      const share = number / scale;
      return `$${fixed(share, share < 9.995 ? 2 : share < 99.95 ? 1 : 0)}${suffix}`;
    }
  }
  if (number > 0 && number < 0.005) return "<$0.01";
  return "$" + fixed(number, 2).replace(/\.00$/, "");
}

function sixDigits(number) {
  if (number === 0) return "0";
  const place = SIX_DIGITS.findIndex((floor) => number >= floor);
  return trimmed(fixed(number, place < 0 ? 12 : place));
}

function percent(number) {
  const share = number * 100;
  if (share >= 1000) return fixed(share, 0) + "%";
  if (share < 5e-7) return "0.00%";
  const place = TWO_DIGITS.findIndex((floor) => share >= floor);
  return fixed(share, place < 0 ? 6 : place + 2) + "%";
}

const count = (number) => fixed(number, number >= 100 || Number.isInteger(number) ? 0 : 1);
const factor = (number) => fixed(number, number < 100 ? 2 : number < 1000 ? 1 : 0) + "×";
const sigma = (number) => fixed(number, 1) + " σ";

function duration(number) {
  if (number < 120) return trimmed(fixed(number, 1)) + " s";
  if (number >= LONG - 0.5) return trimmed(fixed(number / 86400, 1)) + " days";
  const whole = Math.floor(number + 0.5);
  const two = (part) => String(part).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

const WRITERS = {
  usd: money, price: sixDigits, fraction: percent, count, factor, sigma, duration,
  number: sixDigits, text: sixDigits,
};

function text(value, unit) {
  if (value === null || value === undefined || Number.isNaN(value)) return UNKNOWN;
  if (typeof value === "string") return value;
  const size = Math.abs(value);
  const body = size === Infinity ? "∞" : WRITERS[unit](size);
  return value < 0 && /[1-9∞]/.test(body) ? "-" + body : body;
}

// Seconds of a run on an axis, all in one form: 0:30, 1:05:00.
function clockText(value) {
  const whole = Math.round(Math.abs(value));
  const two = (part) => String(part).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return (value < 0 ? "-" : "") + (h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`);
}

// On an axis the ticks are round: zeros behind the point say nothing.
const tickText = (value, unit) =>
  unit === "duration" ? clockText(value) : unit === "count" ? text(value, "number") : text(value, unit).replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
