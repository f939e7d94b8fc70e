import type { LoggedEvent } from "../../live/stream";
import { count, duration, gain, gpuTime, money, score, share, spaced } from "../../words";

/** Of which a run has thousands: they are shown when asked for. */
export const FREQUENT: ReadonlySet<string> = new Set(["proposed", "admitted", "refused"]);

type Tone = "good" | "bad" | "warn" | "note" | "";

export interface Told {
  text: string;
  tone: Tone;
  /** The program that it is about. */
  program?: number;
}

type Teller = (event: LoggedEvent) => Omit<Told, "program">;

function field<T>(event: LoggedEvent, name: string): T {
  return event[name] as T;
}

function budgetWords(budget: Record<string, number | null>): string {
  const words: Record<string, (value: number) => string> = {
    evaluations: (value) => `${count(value)} evaluations`,
    seconds: (value) => duration(value),
    micro_dollars: (value) => money(value),
    tokens: (value) => `${count(value)} tokens`,
    gpu_milliseconds: (value) => `${gpuTime(value)} of GPUs`,
    target: (value) => `target ${score(value)}`,
  };
  const parts = Object.entries(words).flatMap(([name, say]) => {
    const value = budget[name];
    return value === null || value === undefined ? [] : [say(value)];
  });
  return parts.length === 0 ? "no limits" : parts.join(", ");
}

const TELLERS: Record<string, Teller> = {
  proposed: (event) => {
    const model = field<string | null>(event, "model");
    return {
      text: `asked for by ${field<string>(event, "operator")}${model === null ? "" : ` of ${model}`}, from ${field<number>(event, "parent")}`,
      tone: "",
    };
  },
  refused: (event) => ({ text: `refused: ${spaced(field<string>(event, "reason"))}`, tone: "warn" }),
  admitted: (event) => {
    const verdict = field<string>(event, "verdict");
    if (verdict !== "scored") return { text: spaced(verdict), tone: "bad" };
    const placement = field<string>(event, "placement");
    const where = placement === "new" ? ", fills a new cell" : placement === "improved" ? ", improves its cell" : "";
    return { text: `scored ${score(event.score)}${where}`, tone: "" };
  },
  new_best: (event) => ({
    text: `new best: ${score(event.score)}, after ${count(field<number>(event, "evaluations"))} evaluations`,
    tone: "good",
  }),
  island_spawned: (event) => ({ text: `island ${field<number>(event, "island")} was founded`, tone: "note" }),
  island_reset: (event) => ({
    text: `island ${field<number>(event, "island")} was emptied and founded anew`,
    tone: "note",
  }),
  tuning_started: (event) => ({
    text: `tuning of ${field<number>(event, "dimensions")} numbers of program ${field<number>(event, "parent")} began`,
    tone: "",
  }),
  tuning_ended: (event) => {
    const gained = field<number>(event, "gain");
    return {
      text: `tuning of program ${field<number>(event, "parent")} ended: ${gained > 0 ? gain(gained) : "no gain"}`,
      tone: gained > 0 ? "good" : "",
    };
  },
  verification_asked: () => ({ text: "is to be verified", tone: "" }),
  verified: (event) => {
    const verdict = field<string | null>(event, "verdict");
    if (verdict === "scored") return { text: `verified: ${score(event.score)}`, tone: "good" };
    return verdict === null
      ? { text: "could not be verified: a fault of the machine", tone: "warn" }
      : { text: `verification failed: ${spaced(verdict)}`, tone: "bad" };
  },
  resumed: (event) => ({
    text: field<boolean>(event, "reopened") ? "reopened: the run goes on" : "a controller took the run up again",
    tone: "note",
  }),
  paused: () => ({ text: "paused", tone: "warn" }),
  unpaused: () => ({ text: "goes on", tone: "note" }),
  budget_set: (event) => ({ text: `limits set: ${budgetWords(field(event, "budget"))}`, tone: "note" }),
  models_set: (event) => {
    const models = field<{ name: string; weight: number }[]>(event, "models");
    const names = models.map((one) => `${one.name} (${one.weight})`).join(", ");
    return { text: models.length === 0 ? "no models are asked any more" : `models set: ${names}`, tone: "note" };
  },
  program_injected: () => ({ text: "a program of a person comes next", tone: "note" }),
  idea_given: (event) => ({ text: `idea given: “${field<string>(event, "text")}”`, tone: "note" }),
  idea_withdrawn: (event) => ({ text: `idea ${field<number>(event, "idea")} withdrawn`, tone: "note" }),
  pinned: (event) => ({
    text: `pinned: parent of ${share(field<number>(event, "share"))} of the children`,
    tone: "note",
  }),
  unpinned: () => ({ text: "no longer pinned", tone: "note" }),
  banned: (event) => ({
    text: field<unknown>(event, "descendants") === null ? "banned" : "banned with its descendants",
    tone: "warn",
  }),
  unbanned: () => ({ text: "may be chosen again", tone: "note" }),
  stopping: (event) => ({ text: `ends: ${spaced(field<string>(event, "reason"))}${withDetail(event)}`, tone: "warn" }),
  finished: (event) => {
    const champion = field<number | null>(event, "champion");
    return champion === null
      ? { text: "ended; nothing could be verified", tone: "warn" }
      : { text: `ended; champion: program ${champion}`, tone: "good" };
  },
};

function withDetail(event: LoggedEvent): string {
  const detail = field<string>(event, "detail");
  return detail === "" ? "" : ` (${detail})`;
}

/** An event in words. One that this version does not know keeps the name of its kind. */
export function told(event: LoggedEvent): Told {
  const words = TELLERS[event.kind]?.(event) ?? { text: spaced(event.kind), tone: "" };
  return event.program === undefined ? words : { ...words, program: event.program };
}
