import type { Schemas } from "../../api/client";

type Fleet = Schemas["Fleet"];
export const KINDS = ["server", "controller", "workers", "evaluators"] as const;
export type Kind = (typeof KINDS)[number];

export interface Totals {
  alive: number;
  lost: number;
  slots: number;
  busy: number;
  waiting: number;
  held: number;
  /** Kinds of process of which none lives, without which runs do not go on. */
  missing: readonly Kind[];
}

/** The fleet in a few numbers; slots are those of evaluators that live. */
export function totals(fleet: Fleet): Totals {
  const alive = fleet.processes.filter((one) => one.state === "alive");
  const queues = fleet.queues.flatMap((one) => [one.proposals, one.evaluations]);
  return {
    alive: alive.length,
    lost: fleet.processes.length - alive.length,
    slots: sum(alive.map((one) => one.slots ?? 0)),
    busy: sum(alive.map((one) => one.busy_slots ?? 0)),
    waiting: sum(queues.map((one) => one.waiting)),
    held: sum(queues.map((one) => one.held)),
    missing: KINDS.filter((kind) => kind !== "server" && !alive.some((one) => one.kind === kind)),
  };
}

type Gpu = Pick<Schemas["FleetGpu"], "health">;
const HEALTHS = ["free", "leased", "busy", "lost"] as const;

/** How GPUs fare, as `4 GPUs: 2 free, 1 leased, 1 lost`. */
export function gpusInWords(gpus: readonly Gpu[]): string {
  const parts = HEALTHS.flatMap((health) => {
    const found = gpus.filter((one) => one.health === health).length;
    return found === 0 ? [] : [`${found} ${health}`];
  });
  return `${gpus.length === 1 ? "1 GPU" : `${gpus.length} GPUs`}: ${parts.join(", ")}`;
}

/** Whether somebody should look: `bad` where one is lost, `warn` where somebody else's work is on one. */
export function gpuTone(gpus: readonly Gpu[]): "good" | "warn" | "bad" {
  if (gpus.some((one) => one.health === "lost")) return "bad";
  return gpus.some((one) => one.health === "busy") ? "warn" : "good";
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0);
}
