/**
 * A colour for a share from 0 to 1: lightness rises evenly, so that equal steps look equal, also to who sees few hues or none.
 */
export function shade(part: number): string {
  const t = Math.max(0, Math.min(1, part));
  const hue = 290 - 185 * t;
  return `oklch(${(0.34 + 0.55 * t).toFixed(3)} ${(0.11 + 0.05 * Math.sin(Math.PI * t)).toFixed(3)} ${hue.toFixed(1)})`;
}

const HUES = [250, 65, 155, 20, 300, 100, 205, 340];

/** A colour for the n-th of some things without an order; they come again after eight, lighter. */
export function hueOf(place: number): string {
  const round = Math.floor(place / HUES.length) % 2;
  return `oklch(${0.62 + 0.14 * round} 0.13 ${HUES[place % HUES.length] ?? 0})`;
}

/** From where to where scores are told apart by colour: the share `below` that is worse than the rest has the lowest one. */
export function rangeOf(values: readonly number[], sign: number, below = 0.1): readonly [number, number] {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => sign * (a - b));
  const low = sorted[Math.floor(sorted.length * below)] ?? 0;
  return [low, sorted[sorted.length - 1] ?? low];
}

export function partOf(value: number, range: readonly [number, number]): number {
  return range[1] === range[0] ? 1 : (value - range[0]) / (range[1] - range[0]);
}
