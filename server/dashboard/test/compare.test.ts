import { expect, it } from "vitest";
import { runsOf, tableOf } from "../src/views/compare/curves";

const at = (evaluations: number, score: number, micro_dollars: number | null = 0) => ({
  evaluations,
  score,
  seconds: evaluations / 2,
  micro_dollars,
  gpu_milliseconds: 0,
});

it("puts curves on one axis, each to where its run is now", () => {
  const curves = [
    { records: [at(1, 1), at(5, 3)], until: 8 },
    { records: [at(1, 1), at(4, 2)], until: 4 },
  ];
  expect(tableOf(curves, "evaluations")).toEqual([
    [1, 4, 5, 8],
    [1, null, 3, 3],
    [1, 2, null, null],
  ]);
});

it("takes the last of several steps at one place, and leaves out what nobody may know", () => {
  const curves = [{ records: [at(1, 1), at(5, 3)], until: 0 }];
  expect(tableOf(curves, "micro_dollars")).toEqual([[0], [3]]);
  expect(tableOf([{ records: [at(1, 1, null)], until: 0 }], "micro_dollars")).toEqual([[], []]);
  expect(tableOf([{ records: [], until: 9 }], "seconds")).toEqual([[], []]);
});

it("reads runs from an address, each once and no more than can be compared", () => {
  expect(runsOf("3,7,3,x,-1,0,")).toEqual([3, 7]);
  expect(runsOf(null)).toEqual([]);
  expect(runsOf(Array.from({ length: 40 }, (_, run) => run + 1).join())).toHaveLength(16);
});
