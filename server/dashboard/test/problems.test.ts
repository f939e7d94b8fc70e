import { describe, expect, it } from "vitest";
import { Failure } from "../src/api/client";
import { configOf, number } from "../src/views/problems/config";
import { archiveType, folderName, leftOut, tooMuch, withinFolder } from "../src/views/problems/folder";
import { seedCheck } from "../src/views/problems/seed_check";
import { BLANK, complaintsOf, tomlOf } from "../src/views/problems/written";

describe("folders", () => {
  it("begin within the folder that holds all", () => {
    const files = [
      ["my hill/problem.toml", 1],
      ["my hill/data/a.bin", 2],
      ["my hill/.git/config", 3],
      ["my hill/__pycache__/a.pyc", 4],
    ] as const;
    expect(withinFolder(files)).toEqual({
      name: "my_hill",
      files: new Map([
        ["problem.toml", 1],
        ["data/a.bin", 2],
      ]),
    });
    expect(withinFolder([["problem.toml", 1]]).files.get("problem.toml")).toBe(1);
  });
  it("are told from archives", () => {
    expect(archiveType("A.TAR.GZ")).toBe("application/gzip");
    expect(archiveType("a.zip")).toBe("application/zip");
    expect(archiveType("a.py")).toBeNull();
    expect(folderName("Größe 1.tar.gz")).toBe("Gr_e_1");
    expect(leftOut("a/.env")).toBe(true);
  });
  it("are refused when they are too much", () => {
    const large = new File([], "a");
    Object.defineProperty(large, "size", { value: 65 * 2 ** 20 });
    expect(tooMuch(new Map([["a", large]]))).toContain("got 65 MiB");
    expect(tooMuch(new Map())).toContain("none");
    expect(tooMuch(new Map([["a", new File(["x"], "a")]]))).toBeNull();
  });
});

describe("a written problem", () => {
  it("is TOML, whatever was typed", () => {
    const toml = tomlOf({ ...BLANK, name: "hill", title: 'A "hill"\n\u007f', timeout: "2.5" });
    expect(toml).toContain('title = "A \\"hill\\"\\n\\u007f"');
    expect(toml).toContain("timeout_s = 2.5");
    expect(tomlOf({ ...BLANK, timeout: "soon" })).toContain('timeout_s = "soon"');
  });
  it("has its complaints at the fields", () => {
    const messages = [
      "problem.toml: name: String should match pattern; got ''",
      "problem.toml: stages.0.timeout_s: Input should be a valid number; got 'soon'",
      "program.py: expected a block",
      "something else",
    ];
    const errors = messages.map((message) => ({ field: "body", message }));
    const problem = { type: "t", title: "t", status: 422, detail: messages.join("\n"), errors };
    const found = complaintsOf(new Failure(422, problem), BLANK);
    expect(found.at.name).toBe("String should match pattern; got ''");
    expect(found.at.timeout).toContain("valid number");
    expect(found.at.seed).toBe("program.py: expected a block");
    expect(found.rest).toEqual(["something else"]);
  });
});

describe("the choices of a run", () => {
  it("are sent as numbers, empty ones not at all, wrong ones as they are", () => {
    expect(number("1,000")).toBe(1000);
    expect(number(" ")).toBeUndefined();
    const config = configOf({
      numbers: { islands: "4", lag: "" },
      limits: { evaluations: "1,000", dollars: "2.5", gpu_seconds: "90.5", seconds: "much" },
      strategy: "greedy",
      order: "as-completed",
      mutate: true,
      tune: false,
      models: { small: "3" },
    });
    expect(JSON.parse(JSON.stringify(config))).toEqual({
      islands: 4,
      strategy: "greedy",
      order: "as-completed",
      mutate: true,
      tune: false,
      models: [{ name: "small", weight: 3 }],
      budget: { evaluations: 1000, seconds: "much", micro_dollars: 2_500_000, gpu_milliseconds: 90_500 },
    });
  });
});

it("tells how the seed fared, by the newest run that judged it", () => {
  const run = { state: "finished", stop_reason: null, seed_score: 2 } as const;
  expect(seedCheck([])).toEqual({ value: "–", note: "not judged yet" });
  expect(
    seedCheck([
      { ...run, id: 3, state: "running", seed_score: null },
      { ...run, id: 2 },
    ]).note,
  ).toBe("being judged again…");
  expect(seedCheck([{ ...run, id: 4, seed_score: null, stop_reason: "seed_failed" }]).note).toContain("run 4");
});
