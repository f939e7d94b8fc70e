import type { Schemas } from "../../api/client";

type Spent = Schemas["Spent"];
export const COLUMNS = [
  ["name", "Name"],
  ["micro_dollars", "Money"],
  ["tokens", "Tokens"],
  ["evaluations", "Evaluations"],
  ["gpu_milliseconds", "GPU time"],
  ["calls", "Calls"],
  ["failed", "Failed"],
] as const;
export type Column = (typeof COLUMNS)[number][0];

function value(line: Spent, column: Column): number {
  if (column === "tokens") return line.tokens_in + line.tokens_out;
  return column === "name" ? 0 : (line[column] ?? -1);
}

/** Lines by a column: names from A on, numbers with the largest first; `turned` is the other way round. */
export function ordered(lines: readonly Spent[], column: Column, turned: boolean): Spent[] {
  const sign = turned ? -1 : 1;
  return [...lines].sort((one, other) => {
    const by = column === "name" ? 0 : value(other, column) - value(one, column);
    return sign * (by || one.name.localeCompare(other.name, "en") || (one.id ?? 0) - (other.id ?? 0));
  });
}

export interface Sum {
  micro_dollars: number;
  tokens_in: number;
  tokens_out: number;
  evaluations: number;
  gpu_milliseconds: number;
  calls: number;
  failed: number;
}

/** All lines together. */
export function summed(lines: readonly Spent[]): Sum {
  const sum = {
    micro_dollars: 0,
    tokens_in: 0,
    tokens_out: 0,
    evaluations: 0,
    gpu_milliseconds: 0,
    calls: 0,
    failed: 0,
  };
  for (const line of lines) {
    sum.micro_dollars += line.micro_dollars;
    sum.tokens_in += line.tokens_in;
    sum.tokens_out += line.tokens_out;
    sum.evaluations += line.evaluations ?? 0;
    sum.gpu_milliseconds += line.gpu_milliseconds ?? 0;
    sum.calls += line.calls;
    sum.failed += line.failed;
  }
  return sum;
}

/** Whether GPUs are to be told of: somebody held one, or may hold only so much. */
export function knowsGpus(lines: readonly Spent[]): boolean {
  return lines.some((line) => (line.gpu_milliseconds ?? 0) > 0 || typeof line.limits?.gpu_milliseconds === "number");
}

/** The columns of a list by one group: models evaluate nothing, and without GPUs nothing is said of them. */
export function columnsOf(by: Spent["by"], gpus: boolean): (typeof COLUMNS)[number][] {
  return COLUMNS.filter(([name]) => {
    if (name === "gpu_milliseconds") return gpus && by !== "model";
    return by !== "model" || name !== "evaluations";
  });
}

/** The first day, in UTC, of the last so many days with today. */
export function firstDay(days: number, now: number): string {
  return new Date(now - (days - 1) * 86_400_000).toISOString().slice(0, 10);
}
