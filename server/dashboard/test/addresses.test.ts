import { expect, test } from "vitest";
import { address } from "../src/api/client";
import { stepPath } from "../src/parts/sparkline";
import { matched } from "../src/paths";
import { againstKnown, againstSeed } from "../src/views/runs/standing";

test("paths are filled in, and queries leave out what is not there", () => {
  expect(address("/api/v1/runs/{run}/programs/{number}", { path: { run: 7, number: 0 } })).toBe(
    "/api/v1/runs/7/programs/0",
  );
  expect(address("/api/v1/problems/{revision}/files/{path}", { path: { revision: "ab", path: "a b?.py" } })).toBe(
    "/api/v1/problems/ab/files/a%20b%3F.py",
  );
  expect(address("/api/v1/comparison", { query: { run: [1, 2], project: null, state: undefined } })).toBe(
    "/api/v1/comparison?run=1&run=2",
  );
});

test("patterns of views", () => {
  expect(matched("", "/")).toEqual({});
  expect(matched("/runs/:run", "/runs/7/")).toEqual({ run: "7" });
  expect(matched("/runs/:run", "/runs/7/archive")).toBeNull();
  expect(matched("/runs/:run", "/problems/7")).toBeNull();
  expect(matched("/runs/:run", "/runs/%zz")).toEqual({ run: "%zz" });
});

test("a sparkline goes up where the score gets better, whatever its direction", () => {
  const steps = [
    { evaluations: 0, score: 4 },
    { evaluations: 50, score: 2 },
  ];
  expect(stepPath(steps, 100, -1)).toBe("M3.0 27.0H66.0V3.0H129.0");
  expect(stepPath(steps, 100, 1)).toBe("M3.0 3.0H66.0V27.0H129.0");
  expect(stepPath([], 100, 1)).toBe("");
});

test("how a run stands, in words", () => {
  const run = { best_score: 2.5, seed_score: 2, best_known: 2.6, direction: "maximize" } as const;
  expect(againstSeed(run)).toBe("+0.5 on the seed");
  expect(againstKnown(run)).toEqual({ text: "0.1 from the best known", beaten: false });
  expect(againstKnown({ ...run, direction: "minimize" })).toEqual({
    text: "0.1 better than the best known",
    beaten: true,
  });
  expect(againstKnown({ ...run, best_known: null })).toBeNull();
  expect(againstSeed({ ...run, best_score: null })).toBe("no score yet");
});
