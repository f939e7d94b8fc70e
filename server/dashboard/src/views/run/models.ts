import type { Admissions } from "../../live/admissions";

export interface ModelTally {
  evaluated: number;
  scored: number;
  /** Better than their parents. */
  improved: number;
}

/** What became of the children of each model. */
export function modelTallies(admissions: Admissions): Map<string, ModelTally> {
  const found = new Map<string, ModelTally>();
  for (let at = 0; at < admissions.length; at++) {
    const model = admissions.models.name(admissions.model.at(at));
    if (model === null) continue;
    const tally = found.get(model) ?? { evaluated: 0, scored: 0, improved: 0 };
    found.set(model, tally);
    tally.evaluated++;
    if (!Number.isNaN(admissions.score.at(at))) tally.scored++;
    if (admissions.improves(at)) tally.improved++;
  }
  return found;
}
