import type { Schemas } from "../../api/client";
import { count, duration, score, spaced, trimmed } from "../../words";

type Definition = Schemas["Definition"];
type Stage = Definition["stages"][number];
const LANGUAGES: Readonly<Record<string, string>> = { python: "Python", c: "C", cpp: "C++", rust: "Rust" };
const PEERS: Readonly<Record<string, string>> = {
  openevolve: "OpenEvolve",
  shinkaevolve: "ShinkaEvolve",
  codeevolve: "CodeEvolve",
};

/** A definition in words: what is judged, how, and within which bounds; each with its name. */
export function inWords(definition: Definition): readonly (readonly [string, string])[] {
  const { limits, environment } = definition;
  const packages = [...environment.packages, ...environment.judge_packages.map((name) => `${name} (judge alone)`)];
  const found: (readonly [string, string])[] = [
    ["Score", scoreInWords(definition.score)],
    [
      "Program",
      `${LANGUAGES[definition.language] ?? spaced(definition.language)}; what evolves is ${definition.seed.join(", ")}`,
    ],
    [
      "Judge",
      `${definition.judge}, in ${definition.stages.length === 1 ? "one stage" : `${definition.stages.length} stages`}`,
    ],
    ...definition.stages.map((stage) => [`Stage ${stage.name}`, stageInWords(stage)] as const),
    ["Verification", verificationInWords(definition.verification.repeats)],
    ["Archive", definition.axes.length === 0 ? "one cell" : definition.axes.map(axisInWords).join(" × ")],
    [
      "A candidate gets",
      `${count(limits.memory_mib)} MiB of memory, ${limits.processes} processes and threads, ${limits.files_mib} MiB of files; its source at most ${limits.source_kib} KiB`,
    ],
    ["It may import", packages.length === 0 ? "what its language brings, and numpy in Python" : packages.join(", ")],
  ];
  if (definition.peer !== null && definition.peer !== undefined) {
    const name = PEERS[definition.peer] ?? definition.peer;
    found.push([
      "Origin",
      `a folder of ${name}: its evaluator runs in one box with the candidate, so scores are not isolated`,
    ]);
  }
  return found;
}

function scoreInWords(score: Definition["score"]): string {
  const unit = score.unit === "" ? "" : `, in ${score.unit}`;
  return `${score.name}${unit}; ${score.direction === "minimize" ? "less" : "more"} is better`;
}

function stageInWords(stage: Stage): string {
  const times = stage.repeats === 1 ? "once" : `${stage.repeats} times, on fresh seeds`;
  const gates = stage.gates.map((gate) => {
    const bounds = [
      typeof gate.at_least === "number" ? `at least ${plain(gate.at_least)}` : "",
      typeof gate.at_most === "number" ? `at most ${plain(gate.at_most)}` : "",
    ];
    return `${gate.metric} ${bounds.filter((bound) => bound !== "").join(" and ")}`;
  });
  const passes = gates.length === 0 ? "" : `; passed with ${gates.join(", ")}`;
  const device = stage.gpus > 0 ? "; holds a GPU for itself" : "";
  const hidden = stage.hidden ? "; hidden: champions alone, and no model is told" : "";
  return `${stage.entry}(), ${times}, up to ${duration(stage.timeout_s)} each${device}${passes}${hidden}`;
}

function plain(value: number): string {
  return trimmed(score(value));
}

function verificationInWords(repeats: number): string {
  return `champions are judged anew on fresh seeds${repeats === 1 ? "" : `, ${repeats} times as often`}`;
}

function axisInWords(axis: Definition["axes"][number]): string {
  const cut = axis.scale === "log" ? "equal ratios" : "equal steps";
  return `${spaced(axis.feature)} from ${plain(axis.low)} to ${plain(axis.high)} in ${axis.cells} cells of ${cut}`;
}

/** How many bytes, as people read it. */
export function bytes(length: number): string {
  if (length < 1024) return `${length} B`;
  if (length < 2 ** 20) return `${(length / 1024).toFixed(1)} KiB`;
  return `${(length / 2 ** 20).toFixed(1)} MiB`;
}
