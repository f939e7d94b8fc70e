const WHOLE = new Intl.NumberFormat("en");
const CACHE = new Map<number, Intl.NumberFormat>();

function fixed(digits: number): Intl.NumberFormat {
  let found = CACHE.get(digits);
  if (found === undefined) {
    found = new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    CACHE.set(digits, found);
  }
  return found;
}

export const NONE = "–";

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : WHOLE.format(value);
}

/** A score with as many digits as tell scores near it apart: six significant ones, and exponents only where they must be. */
export function score(value: number | null | undefined, significant = 6): string {
  if (value === null || value === undefined) return NONE;
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  if (size >= 9 || size < -4) return value.toExponential(significant - 2);
  if (Number.isInteger(value)) return WHOLE.format(value);
  return fixed(Math.max(0, Math.min(significant - 1 - size, 9))).format(value);
}

/** A mark of an axis, with as many decimals as tell all of its marks apart. */
export function ticked(value: number, all: readonly number[]): string {
  const step = Math.abs((all[1] ?? 1) - (all[0] ?? 0));
  if (step === 0 || Math.abs(value) >= 1e7) return score(value, 4);
  let digits = 0;
  while (digits < 9 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits++;
  return digits > 6
    ? value.toExponential(3)
    : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A number without the zeros at the end of its decimals. */
export function trimmed(text: string): string {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

/** A difference of scores, with its sign. */
export function gain(value: number): string {
  const text = trimmed(score(Math.abs(value), 4));
  return value < 0 ? `−${text}` : `+${text}`;
}

export function share(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const percent = 100 * value;
  return `${fixed(percent !== 0 && Math.abs(percent) < 10 ? 1 : 0).format(percent)} %`;
}

/** Money, of micro-dollars: cents as long as that says enough. */
export function money(microDollars: number | null | undefined): string {
  if (microDollars === null || microDollars === undefined) return NONE;
  const dollars = microDollars / 1e6;
  const digits = dollars === 0 || Math.abs(dollars) >= 0.1 ? 2 : 4;
  return `$${fixed(digits).format(dollars)}`;
}

/** For how long GPUs were held, of milliseconds. */
export function gpuTime(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined) return NONE;
  return milliseconds === 0 ? "0 s" : duration(milliseconds / 1000);
}

/** A length of time in at most two units, as `3 h 07 min`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds > 0 && seconds < 0.095) return `${trimmed(fixed(seconds < 0.0095 ? 1 : 0).format(1000 * seconds))} ms`;
  if (seconds < 9.95) return `${fixed(1).format(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return units(whole, 60, "min", 1, "s");
  if (whole < 86400) return units(whole, 3600, "h", 60, "min");
  return units(whole, 86400, "d", 3600, "h");
}

function units(seconds: number, large: number, name: string, small: number, rest: string): string {
  const left = Math.floor((seconds % large) / small);
  const first = `${Math.floor(seconds / large)} ${name}`;
  return left === 0 ? first : `${first} ${String(left).padStart(2, "0")} ${rest}`;
}

/** How often something happens, of times a second: a minute or an hour where that reads better. */
export function rate(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return NONE;
  if (perSecond === 0) return "0 /s";
  if (perSecond >= 1) return `${trimmed(score(perSecond, 3))} /s`;
  if (perSecond >= 1 / 60) return `${trimmed(score(60 * perSecond, 3))} /min`;
  return `${trimmed(score(3600 * perSecond, 3))} /h`;
}

/** How long ago a moment was, as `4 min ago`; `now` and `moment` in milliseconds. */
export function ago(moment: number, now: number): string {
  const seconds = Math.max(0, (now - moment) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

/** A moment in the reader's own time zone. */
export function moment(text: string): string {
  const date = new Date(text);
  const same = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString("en-GB");
  return same ? time : `${date.toLocaleDateString("en-CA")} ${time}`;
}

/** A moment in as little room as tells it: the time of today, else the day of the month and the minute. */
export function shortMoment(text: string): string {
  const date = new Date(text);
  if (date.toDateString() === new Date().toDateString()) return date.toLocaleTimeString("en-GB");
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${day}, ${date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`;
}

/** `seq_best_of_n` as people read it. */
export function spaced(name: string): string {
  return name.replace(/_/g, " ");
}

/**
 * Text of models, candidates and logs as it is: what would move a terminal's cursor or turn the direction of reading is
 * shown as a sign of its own, so that no line can pose as another.
 */
export function visible(text: string): string {
  return text.replace(/(?![\t\n])[\p{Cc}\p{Bidi_Control}\ufeff]/gu, (sign) => {
    const code = sign.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : `\u27e8${code.toString(16)}\u27e9`;
  });
}

/** The beginning of a text as it may be seen, in one line of at most `most` characters. */
export function shortened(text: string, most: number): string {
  const line = visible(
    text
      .slice(0, 2 * most)
      .replace(/\s+/g, " ")
      .trim(),
  );
  return line.length <= most && text.length <= 2 * most ? line : `${line.slice(0, most - 1)}…`;
}
