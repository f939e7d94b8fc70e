import { type Admissions, PLACEMENTS } from "../../live/admissions";

const NEW = PLACEMENTS.indexOf("new");
const IMPROVED = PLACEMENTS.indexOf("improved");

/** How many islands hold the seed program from the beginning. */
export type Begun = number;

/** The archives of all islands as they were after so many admissions: the fold of what the run's log tells. */
export class Replay {
  /** By island: the place of the admission that holds each packed cell. */
  islands: Map<number, number>[] = [];
  /** So many admissions are taken in. */
  at = 0;
  private founding = 0;
  private readonly admissions: Admissions;
  private readonly begun: Begun;

  constructor(admissions: Admissions, begun: Begun) {
    this.admissions = admissions;
    this.begun = begun;
  }

  /** Goes on, or begins anew, until `count` admissions are taken in. */
  to(count: number): void {
    if (count < this.at) {
      this.islands = [];
      this.at = this.founding = 0;
    }
    const last = Math.min(count, this.admissions.length);
    while (this.at < last) this.step();
    // Islands that were founded before the next admission came.
    this.found(last < this.admissions.length ? this.admissions.event.at(last) : Number.POSITIVE_INFINITY);
  }

  private step(): void {
    const place = this.at;
    const { event, placement, number, cell, island } = this.admissions;
    this.found(event.at(place));
    this.at = place + 1;
    const how = placement.at(place);
    if (how !== NEW && how !== IMPROVED) return;
    const homes = number.at(place) === 0 ? Array.from({ length: this.begun }, (_, home) => home) : [island.at(place)];
    for (const home of homes) this.island(home).set(cell.at(place), place);
  }

  private found(before: number): void {
    for (;;) {
      const next = this.admissions.founded[this.founding];
      if (next === undefined || next.event > before) return;
      this.founding++;
      const place = this.admissions.placeOf(next.founder);
      this.islands[next.island] = place < 0 ? new Map() : new Map([[this.admissions.cell.at(place), place]]);
    }
  }

  private island(number: number): Map<number, number> {
    let found = this.islands[number];
    if (found === undefined) {
      found = new Map();
      this.islands[number] = found;
    }
    return found;
  }
}

/** The cells of one island, or of all with the best of each cell (null), by packed cell. */
export function cellsOf(replay: Replay, admissions: Admissions, island: number | null): Map<number, number> {
  if (island !== null) return replay.islands[island] ?? new Map();
  const best = new Map<number, number>();
  for (const cells of replay.islands) {
    for (const [cell, place] of cells ?? []) {
      const other = best.get(cell);
      const better =
        other === undefined || admissions.sign * (admissions.score.at(place) - admissions.score.at(other)) > 0;
      if (better) best.set(cell, place);
    }
  }
  return best;
}

export interface Course {
  /** Admissions taken in at each point. */
  at: number[];
  filled: number[];
  /** Sum over the filled cells of what each is better than `worst`, as in "quality diversity". */
  quality: number[];
}

/** How coverage and quality went, in at most `points` points. */
export function courseOf(admissions: Admissions, begun: Begun, island: number | null, points = 240): Course {
  const replay = new Replay(admissions, begun);
  const worst = worstScore(admissions);
  const course: Course = { at: [], filled: [], quality: [] };
  const steps = Math.min(points, admissions.length);
  for (let step = 1; step <= steps; step++) {
    const at = Math.round((step * admissions.length) / steps);
    replay.to(at);
    const cells = cellsOf(replay, admissions, island);
    let sum = 0;
    for (const place of cells.values()) sum += admissions.sign * (admissions.score.at(place) - worst);
    course.at.push(at);
    course.filled.push(cells.size);
    course.quality.push(sum);
  }
  return course;
}

function worstScore(admissions: Admissions): number {
  let worst = Number.NaN;
  for (let place = 0; place < admissions.length; place++) {
    const score = admissions.score.at(place);
    if (!Number.isNaN(score) && !(admissions.sign * (score - worst) >= 0)) worst = score;
  }
  return worst;
}
