import { address, answered, type Schemas, sent } from "../../api/client";

type RunConfig = Schemas["RunConfig"];
/** Choices of a run that are one number each. */
export const NUMBERS = [
  ["in_flight", "In flight", "proposals asked and not yet taken in"],
  ["islands", "Islands", "to begin with"],
  ["max_islands", "At most so many islands", "founded when all others stagnate"],
  ["stagnation", "Stagnation", "evaluations without gain that found an island"],
  ["inspirations", "Inspirations", "programs shown to a model beside the parent"],
  ["epsilon", "Epsilon", "share of parents drawn by chance"],
  ["tune_share", "Share of tuning", "of the evaluations, at most"],
  ["lag", "Lag", "proposals; under a fixed lag alone"],
] as const satisfies readonly (readonly [keyof RunConfig, string, string])[];
export const LIMITS = [
  ["evaluations", "Evaluations", ""],
  ["seconds", "Seconds of active time", ""],
  ["dollars", "Dollars", "for calls of models"],
  ["tokens", "Tokens", "that models read and write"],
  ["gpu_seconds", "GPU seconds", "for which evaluations hold GPUs"],
  ["target", "Target score", "ends the run when it is reached"],
] as const;
/** The limits that are entered in other units than the service's: its name, and how many of its units one is. */
export const UNITS: Readonly<Record<string, readonly [string, number]>> = {
  dollars: ["micro_dollars", 1e6],
  gpu_seconds: ["gpu_milliseconds", 1000],
};
export const STRATEGIES = [
  ["islands", "islands: diverse archives that exchange"],
  ["greedy", "greedy: always from the best"],
  ["seq_best_of_n", "best of N, one after the other (a baseline)"],
  ["iid_best_of_n", "best of N, each from the seed (a baseline)"],
] as const;
export const ORDERS = [
  ["as-completed", "as completed: fastest"],
  ["fixed-lag", "fixed lag: the same at any timing"],
] as const;

/** What somebody chose for a run, as it stands in the fields. */
export interface Choices {
  numbers: Readonly<Record<string, string>>;
  limits: Readonly<Record<string, string>>;
  strategy: string;
  order: string;
  mutate: boolean;
  tune: boolean;
  /** Weights by the names of models; others are not asked. */
  models: Readonly<Record<string, string>>;
}

/** The service's own defaults, from its description, so that they are told in one place. */
export async function readDefaults(signal: AbortSignal): Promise<Choices> {
  const path = "/api/v1/openapi.json";
  const description = (await answered(path, await sent(address(path, {}), { signal }))) as {
    components: { schemas: { RunConfig: { properties: Record<string, { default?: unknown }> } } };
  };
  const { properties } = description.components.schemas.RunConfig;
  const of = (name: string) => properties[name]?.default;
  return {
    numbers: Object.fromEntries(NUMBERS.map(([name]) => [name, String(of(name) ?? "")])),
    limits: {},
    strategy: String(of("strategy")),
    order: String(of("order")),
    mutate: of("mutate") === true,
    tune: of("tune") === true,
    models: {},
  };
}

/** A number as somebody types it; what is none goes to the service as it is, which says at the field what it expected. */
export function number(text: string): number | string | undefined {
  const plain = text.replace(/[,\s]/g, "");
  if (plain === "") return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? value : text;
}

/** The configuration to be sent; what is empty is left out, and so gets its default or has no limit. */
export function configOf(choices: Choices): RunConfig {
  const budget = Object.fromEntries(
    LIMITS.map(([name]) => {
      const value = number(choices.limits[name] ?? "");
      const [own, of] = UNITS[name] ?? [name, 1];
      return [own, typeof value === "number" && of !== 1 ? Math.round(of * value) : value];
    }),
  );
  const told = {
    ...Object.fromEntries(NUMBERS.map(([name]) => [name, number(choices.numbers[name] ?? "")])),
    strategy: choices.strategy,
    order: choices.order,
    mutate: choices.mutate,
    tune: choices.tune,
    models: Object.entries(choices.models).map(([name, weight]) => ({ name, weight: number(weight) })),
    budget,
  };
  return told as unknown as RunConfig;
}
