import type { Schemas } from "../../api/client";
import { score, spaced } from "../../words";

type Line = Pick<Schemas["RunLine"], "id" | "state" | "stop_reason" | "seed_score">;

/** What the newest run that judged the seed says of it; `runs` are newest first. */
export function seedCheck(runs: readonly Line[]): { value: string; note: string } {
  const told = runs.find((run) => run.seed_score !== null || run.stop_reason === "seed_failed");
  const waits = runs[0] !== undefined && runs[0] !== told && runs[0].state !== "finished";
  if (told === undefined) return { value: "–", note: waits ? "being judged…" : "not judged yet" };
  if (told.seed_score === null) return { value: "no score", note: `${spaced("seed_failed")}: run ${told.id} says why` };
  return { value: score(told.seed_score), note: waits ? "being judged again…" : `by run ${told.id}` };
}
