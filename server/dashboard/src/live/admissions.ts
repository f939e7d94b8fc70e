import type { Schemas } from "../api/client";
import { Column, Names } from "./columns";

export const OPERATORS = ["seed", "diff", "rewrite", "crossover", "repair", "mutate", "tune", "inject"] as const;
export type Operator = (typeof OPERATORS)[number];
export const VERDICTS = ["scored", "gated", "wrong", "crashed", "timed_out", "out_of_memory", "forbidden"] as const;
export const PLACEMENTS = ["new", "improved", "not_better", "no_score"] as const;
type Placement = (typeof PLACEMENTS)[number];

/** Who makes a program, as its proposal says: needed again when the program is taken in. */
export interface Proposal {
  operator: Operator;
  model: string | null;
  island: number;
  parent: number | null;
}

/** An archive cell of up to four axes of up to 256 cells, as one number. */
export function packedCell(cell: readonly number[]): number {
  return cell.reduce((packed, index, axis) => (packed | (index << (8 * axis))) >>> 0, 0);
}

export function unpackedCell(packed: number, axes: number): number[] {
  return Array.from({ length: axes }, (_, axis) => (packed >>> (8 * axis)) & 255);
}

const NO_CELL_PLACEMENT = PLACEMENTS.indexOf("no_score");

/**
 * The programs that a run has taken in, in the order of their admission, a column for each thing that is known of them:
 * some 40 bytes a program. Place 0 is the first one. What has no score has NaN.
 */
export class Admissions {
  readonly event = new Column((n) => new Float64Array(n));
  readonly seconds = new Column((n) => new Float64Array(n));
  readonly number = new Column((n) => new Int32Array(n));
  readonly score = new Column((n) => new Float64Array(n));
  /** The best score so far, NaN before the first. */
  readonly best = new Column((n) => new Float64Array(n));
  readonly operator = new Column((n) => new Uint8Array(n));
  readonly model = new Column((n) => new Uint8Array(n));
  readonly island = new Column((n) => new Uint8Array(n));
  /** -1 where there is none. */
  readonly parent = new Column((n) => new Int32Array(n));
  readonly verdict = new Column((n) => new Uint8Array(n));
  readonly placement = new Column((n) => new Uint8Array(n));
  /** Packed; without a meaning where the placement is `no_score`. */
  readonly cell = new Column((n) => new Uint32Array(n));
  readonly models = new Names();
  /** Islands that were founded later than the run, or emptied and founded anew, in order. */
  readonly founded: { event: number; island: number; founder: number }[] = [];
  readonly open = new Map<number, Proposal>();
  private readonly places = new Column((n) => new Int32Array(n).fill(-1));
  /** 1 if more is better, else -1. */
  readonly sign: number;

  constructor(sign: number) {
    this.sign = sign;
  }

  get length(): number {
    return this.number.length;
  }

  /** Where program `number` stands; -1 if it was not taken in. */
  placeOf(number: number): number {
    return number >= 0 && number < this.places.length ? this.places.at(number) : -1;
  }

  scoreOf(number: number): number {
    const place = this.placeOf(number);
    return place < 0 ? Number.NaN : this.score.at(place);
  }

  /** Whether a program is better than its parent. */
  improves(place: number): boolean {
    return this.sign * (this.score.at(place) - this.scoreOf(this.parent.at(place))) > 0;
  }

  /** Takes in a page of the history. */
  addHistory(page: Schemas["RunHistory"]): void {
    for (const [event, island, founder] of page.founded) this.founded.push({ event, island, founder });
    for (const [row, number] of page.number.entries()) {
      const operator = page.operator[row] as Operator;
      const made = {
        operator,
        model: page.model[row] ?? null,
        island: page.island[row] ?? 0,
        parent: page.parent[row] ?? null,
      };
      const event = page.event[row];
      if (event === null || event === undefined) {
        this.open.set(number, made);
        continue;
      }
      const placement = (page.placement[row] ?? "no_score") as Placement;
      const verdict = page.verdict[row] ?? "crashed";
      this.add(number, made, {
        event,
        seconds: page.seconds[row] ?? 0,
        verdict,
        score: page.score[row] ?? null,
        placement,
        cell: page.cell[row] ?? null,
      });
    }
  }

  add(
    number: number,
    made: Proposal,
    came: {
      event: number;
      seconds: number;
      verdict: string;
      score: number | null;
      placement: Placement;
      cell: readonly number[] | null;
    },
  ): void {
    const score = came.score ?? Number.NaN;
    const before = this.length === 0 ? Number.NaN : this.best.at(this.length - 1);
    const better = Number.isNaN(before) || this.sign * (score - before) > 0;
    while (this.places.length <= number) this.places.push(-1);
    this.places.set(number, this.length);
    this.event.push(came.event);
    this.seconds.push(came.seconds);
    this.number.push(number);
    this.score.push(score);
    this.best.push(Number.isNaN(score) || !better ? before : score);
    this.operator.push(OPERATORS.indexOf(made.operator));
    this.model.push(this.models.number(made.model));
    this.island.push(made.island);
    this.parent.push(made.parent ?? -1);
    this.verdict.push(Math.max(0, (VERDICTS as readonly string[]).indexOf(came.verdict)));
    this.placement.push(came.cell === null ? NO_CELL_PLACEMENT : PLACEMENTS.indexOf(came.placement));
    this.cell.push(came.cell === null ? 0 : packedCell(came.cell));
    this.open.delete(number);
  }
}
