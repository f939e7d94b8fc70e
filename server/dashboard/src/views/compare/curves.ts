import type { Schemas } from "../../api/client";

type Record_ = Pick<Schemas["Record"], "score" | "evaluations" | "seconds" | "micro_dollars" | "gpu_milliseconds">;
export type Across = "evaluations" | "seconds" | "micro_dollars" | "gpu_milliseconds";
/** As uPlot takes it: the places of all curves, then the scores of each at these places, null between its steps. */
export type Table = [number[], ...(number | null)[][]];

export interface Curve {
  records: readonly Record_[];
  /** How far the run is now: its best holds until there. */
  until: number;
}

/** Where a record stands; null where the reader may not know. */
export function placeOf(record: Record_, across: Across): number | null {
  return record[across];
}

/** All curves over one axis. Where several steps of a run have one place, the last one counts. */
export function tableOf(curves: readonly Curve[], across: Across): Table {
  const steps = curves.map(({ records, until }) => {
    const found = new Map<number, number>();
    for (const record of records) {
      const place = placeOf(record, across);
      if (place !== null) found.set(place, record.score);
    }
    const last = records.at(-1);
    if (last !== undefined && found.size > 0 && until > Math.max(...found.keys())) found.set(until, last.score);
    return found;
  });
  const places = [...new Set(steps.flatMap((one) => [...one.keys()]))].sort((one, other) => one - other);
  return [places, ...steps.map((one) => places.map((place) => one.get(place) ?? null))];
}

export const MOST = 16;

/** The runs of an address: numbers, each once, as many as can be compared. */
export function runsOf(text: string | null): number[] {
  const found = (text ?? "")
    .split(",")
    .filter((part) => /^[1-9]\d{0,14}$/.test(part))
    .map(Number);
  return [...new Set(found)].slice(0, MOST);
}

export const BASELINES: readonly string[] = ["seq_best_of_n", "iid_best_of_n"];
