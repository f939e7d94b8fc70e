import type { Schemas } from "../../api/client";
import { gain, score, trimmed } from "../../words";

type Scores = Pick<Schemas["RunLine"], "best_score" | "seed_score" | "best_known" | "direction">;

/** What a run gained on its seed, in words. */
export function againstSeed(run: Scores): string {
  if (run.best_score === null || run.seed_score === null) return "no score yet";
  const gained = run.best_score - run.seed_score;
  return gained === 0 ? "as the seed" : `${gain(gained)} on the seed`;
}

/** How a run stands against the best value that its problem names for comparison; null where there is none. */
export function againstKnown(run: Scores): { text: string; beaten: boolean } | null {
  if (run.best_score === null || run.best_known === null) return null;
  const ahead = (run.direction === "minimize" ? -1 : 1) * (run.best_score - run.best_known);
  if (ahead === 0) return { text: "equals the best known", beaten: true };
  return {
    text: `${trimmed(score(Math.abs(ahead), 3))} ${ahead > 0 ? "better than" : "from"} the best known`,
    beaten: ahead > 0,
  };
}
