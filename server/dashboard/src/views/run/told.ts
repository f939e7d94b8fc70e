import type { Asked } from "./commands";

export interface Idea {
  id: number;
  asked: Asked;
  text: string;
  /** How many prompts hold it; null: all until it is withdrawn. */
  prompts: number | null;
  state: "waiting" | "told" | "withdrawn" | "refused";
}

/** The ideas among what a run was told, newest first. */
export function ideasOf(asked: readonly Asked[]): Idea[] {
  const withdrawn = new Set(
    asked.flatMap(({ command, state }) =>
      command?.kind === "withdraw_idea" && state === "taken" ? [command.idea] : [],
    ),
  );
  return asked
    .flatMap((one): Idea[] => {
      if (one.command?.kind !== "inject_idea") return [];
      const now = one.state === "taken" ? (withdrawn.has(one.id) ? "withdrawn" : "told") : one.state;
      return [{ id: one.id, asked: one, text: one.command.text, prompts: one.command.prompts ?? null, state: now }];
    })
    .reverse();
}

export interface Note {
  id: number;
  asked: Asked;
  text: string;
  /** The program that it is on; null: the run. */
  program: number | null;
}

/** The notes among what a run was told, newest first. */
export function notesOf(asked: readonly Asked[]): Note[] {
  return asked
    .flatMap((one): Note[] =>
      one.command?.kind === "annotate"
        ? [{ id: one.id, asked: one, text: one.command.text, program: one.command.program ?? null }]
        : [],
    )
    .reverse();
}
