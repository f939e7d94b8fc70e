import type { Admissions } from "../../live/admissions";

export type Along = "time" | "generation";

/** Where programs stand on the plane: `x` and `y` from 0 to 1, by place; `bands` where each island begins and ends. */
export interface Layout {
  x: Float32Array;
  y: Float32Array;
  generation: Uint32Array;
  bands: { island: number; from: number; to: number }[];
}

const BAND_GAP = 0.12;

/** Islands as bands; across by generation or by time; within a band by rank of the score, the best on top. */
export function laidOut(admissions: Admissions, along: Along): Layout {
  const count = admissions.length;
  const generation = new Uint32Array(count);
  let deepest = 1;
  for (let place = 0; place < count; place++) {
    const parent = admissions.placeOf(admissions.parent.at(place));
    // A child can be taken in before its parent only where the parent was refused: then it counts as of the seed.
    generation[place] = parent < 0 || parent >= place ? (place === 0 ? 0 : 1) : (generation[parent] ?? 0) + 1;
    deepest = Math.max(deepest, generation[place] ?? 0);
  }
  const x = new Float32Array(count);
  for (let place = 0; place < count; place++) {
    x[place] = along === "time" ? place / Math.max(1, count - 1) : (generation[place] ?? 0) / deepest;
  }
  return { x, generation, ...banded(admissions) };
}

function banded(admissions: Admissions): Pick<Layout, "y" | "bands"> {
  const count = admissions.length;
  const members = new Map<number, number[]>();
  for (let place = 0; place < count; place++) {
    const island = admissions.island.at(place);
    const known = members.get(island);
    if (known === undefined) members.set(island, [place]);
    else known.push(place);
  }
  const islands = [...members.keys()].sort((a, b) => a - b);
  const height = 1 / Math.max(1, islands.length);
  const y = new Float32Array(count);
  const bands = islands.map((island, at) => {
    const [from, to] = [at * height, (at + 1 - BAND_GAP) * height];
    const ranked = (members.get(island) ?? []).sort((a, b) => byScore(admissions, a, b));
    for (const [rank, place] of ranked.entries()) {
      y[place] = from + (to - from) * (0.06 + (0.88 * rank) / Math.max(1, ranked.length - 1));
    }
    return { island, from, to };
  });
  return { y, bands };
}

/** Better ones first; those without a score last; of equals the older one. */
function byScore(admissions: Admissions, a: number, b: number): number {
  const [first, second] = [admissions.score.at(a), admissions.score.at(b)];
  if (Number.isNaN(first) || Number.isNaN(second))
    return Number(Number.isNaN(first)) - Number(Number.isNaN(second)) || a - b;
  return admissions.sign * (second - first) || a - b;
}

/** The places from the seed to a program, by first parents. */
export function pathTo(admissions: Admissions, number: number): number[] {
  const path: number[] = [];
  let place = admissions.placeOf(number);
  while (place >= 0) {
    path.push(place);
    const parent = admissions.placeOf(admissions.parent.at(place));
    place = parent < place ? parent : -1;
  }
  return path.reverse();
}

/** Of a score: what is less than this part of it is how the numbers were rounded, not what an idea brought. */
const ROUNDING = 1e-9;

/** A step of the path that brought more than all before it. */
export interface Step {
  place: number;
  /** How much better it is than the best before it on the path, in the problem's own direction: always above 0. */
  gain: number;
  /** Programs on the path between the step before and this one that brought nothing. */
  without: number;
  largest: boolean;
  last: boolean;
}

/** What the path gained, step by step: which idea brought how much. */
export function storyOf(admissions: Admissions, path: readonly number[]): Step[] {
  const steps: Step[] = [];
  let best = Number.NaN;
  let without = 0;
  for (const place of path) {
    const score = admissions.score.at(place);
    const gain = admissions.sign * (score - best);
    if (Number.isNaN(best)) best = score;
    else if (gain > ROUNDING * Math.abs(best)) {
      steps.push({ place, gain, without, largest: false, last: false });
      best = score;
      without = 0;
    } else without++;
  }
  const most = Math.max(...steps.map((step) => step.gain));
  const largest = steps.find((step) => step.gain === most);
  const last = steps[steps.length - 1];
  if (largest !== undefined) largest.largest = true;
  if (last !== undefined) last.last = true;
  return steps;
}
