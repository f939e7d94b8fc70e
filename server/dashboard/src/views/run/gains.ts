import type { Admissions } from "../../live/admissions";

/** The part of a run, at its end, whose gain tells whether the search still moves. */
const LATELY = 0.1;
const WORTH_TELLING = 1e-3;

export interface Gain {
  /** The place of the program that made the newest best. */
  at: number;
  /** What it gained on the best before it, in raw scores; null for the first score of all. */
  gained: number | null;
  /** Programs that were taken in after it. */
  since: number;
}

/**
 * The newest gain of a run that is at least a thousandth of all that it gained: tuning goes on to gain ever less for long.
 * Null before the first score.
 */
export function lastGain(admissions: Admissions): Gain | null {
  const best = admissions.best.view();
  const last = best[best.length - 1];
  if (last === undefined || Number.isNaN(last)) return null;
  const first = best.findIndex((value) => !Number.isNaN(value));
  const least = WORTH_TELLING * Math.abs(last - (best[first] as number));
  let at = best.length - 1;
  while (at > first && !(Math.abs((best[at] as number) - (best[at - 1] as number)) > least)) at--;
  const gained = at === first ? null : (best[at] as number) - (best[at - 1] as number);
  return { at, gained, since: best.length - 1 - at };
}

/** How much the best score changed over the last tenth of the run; null where there is too little to tell. */
export function gainedLately(admissions: Admissions): number | null {
  const best = admissions.best.view();
  const before = best[Math.floor(best.length * (1 - LATELY)) - 1];
  const last = best[best.length - 1];
  return before === undefined || last === undefined || Number.isNaN(before) ? null : last - before;
}
