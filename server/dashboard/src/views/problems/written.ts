import type { Failure } from "../../api/client";

/** A problem that somebody writes in a form. */
export interface Written {
  name: string;
  title: string;
  statement: string;
  language: string;
  seedPath: string;
  seed: string;
  judge: string;
  direction: "maximize" | "minimize";
  unit: string;
  timeout: string;
}

export const BLANK: Written = {
  name: "",
  title: "",
  statement: "",
  language: "python",
  seedPath: "program.py",
  seed: "# EVOLVE-BLOCK-START\ndef answer():\n    return 1.0\n# EVOLVE-BLOCK-END\n",
  judge: 'def evaluate(candidate, context):\n    return {"score": -(candidate.call("answer") - 3.2) ** 2}\n',
  direction: "maximize",
  unit: "",
  timeout: "10",
};

/** A string of TOML: as in JSON, where the sign U+007F must be escaped too. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/\u007f/g, "\\u007f");
}

/** The problem.toml that a form says. */
export function tomlOf(written: Written): string {
  const seconds = Number(written.timeout);
  return [
    `name = ${quoted(written.name)}`,
    `title = ${quoted(written.title)}`,
    `statement = ${quoted(written.statement)}`,
    `language = ${quoted(written.language)}`,
    `seed = [${quoted(written.seedPath)}]`,
    "[score]",
    `direction = ${quoted(written.direction)}`,
    `unit = ${quoted(written.unit)}`,
    "[[stages]]",
    'name = "score"',
    `timeout_s = ${written.timeout.trim() !== "" && Number.isFinite(seconds) ? seconds : quoted(written.timeout)}`,
    "",
  ].join("\n");
}

const KEYS: Readonly<Record<string, keyof Written>> = {
  name: "name",
  title: "title",
  statement: "statement",
  language: "language",
  seed: "seedPath",
  judge: "judge",
  "score.direction": "direction",
  "score.unit": "unit",
  "stages.0.timeout_s": "timeout",
};

export interface Complaints {
  at: Partial<Record<keyof Written, string>>;
  rest: readonly string[];
}

/** What the service says of a written problem, sorted to the fields of the form. */
export function complaintsOf(failure: Failure, written: Written): Complaints {
  const at: Partial<Record<keyof Written, string>> = {};
  const rest: string[] = [];
  const lines = failure.problem?.errors.map((error) => error.message) ?? [];
  const keys = lines.map(keyOf);
  for (const line of lines.length === 0 ? [failure.message] : lines) {
    // What is wrong within a table makes the table wrong too, which says nothing more.
    if (keys.some((key) => key?.startsWith(`${keyOf(line)}.`))) continue;
    const field = fieldOf(line, written);
    if (field === null) rest.push(line);
    else at[field] = at[field] === undefined ? said(line) : `${at[field]}; ${said(line)}`;
  }
  return { at, rest };
}

function keyOf(line: string): string | undefined {
  return /^problem\.toml: ([\w.]+): /.exec(line)?.[1];
}

function fieldOf(line: string, written: Written): keyof Written | null {
  const key = keyOf(line);
  if (key !== undefined) return KEYS[key] ?? KEYS[key.replace(/\.\d+$/, "")] ?? null;
  if (line.startsWith(`${written.seedPath}:`)) return "seed";
  if (line.startsWith("judge.py:")) return "judge";
  return line.startsWith("problem.toml: expected the first file of seed") ? "seedPath" : null;
}

function said(line: string): string {
  return line.replace(/^problem\.toml: (?:[\w.]+: )?/, "");
}
