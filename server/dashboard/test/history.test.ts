import { describe, expect, test } from "vitest";
import { Admissions, type Operator, packedCell, unpackedCell } from "../src/live/admissions";
import { edgeOf } from "../src/views/archive/axes";
import { cellsOf, courseOf, Replay } from "../src/views/archive/replay";
import { laidOut, pathTo, storyOf } from "../src/views/lineage/layout";
import { spreadOf } from "../src/views/program/spread";

type Row = [
  number: number,
  parent: number,
  island: number,
  score: number | null,
  cell: number,
  placement?: "new" | "improved",
];

function made(rows: readonly Row[], sign = 1): Admissions {
  const admissions = new Admissions(sign);
  for (const [at, [number, parent, island, score, cell, placement]] of rows.entries()) {
    admissions.add(
      number,
      {
        operator: (number === 0 ? "seed" : "mutate") as Operator,
        model: null,
        island,
        parent: number === 0 ? null : parent,
      },
      {
        event: 10 * (at + 1),
        seconds: at,
        verdict: score === null ? "crashed" : "scored",
        score,
        placement: score === null ? "no_score" : (placement ?? "not_better"),
        cell: score === null ? null : [cell, 1],
      },
    );
  }
  return admissions;
}

const RUN = made([
  [0, -1, 0, 1, 0, "new"],
  [2, 0, 0, 3, 4, "new"],
  [1, 0, 1, 2, 0, "improved"],
  [3, 2, 0, null, 0],
  [4, 2, 0, 5, 4, "improved"],
  [5, 4, 0, 5, 4],
  [6, 5, 0, 6, 7, "new"],
]);
const numbers = (cells: ReadonlyMap<number, number>) =>
  Object.fromEntries([...cells].map(([cell, place]) => [unpackedCell(cell, 2)[0], RUN.number.at(place)]));

describe("the archive as it filled", () => {
  test("holds at each moment what the log says, forwards and backwards, with islands that were founded anew", () => {
    RUN.founded.push({ event: 25, island: 2, founder: 0 }, { event: 45, island: 1, founder: 0 });
    const replay = new Replay(RUN, 2);
    replay.to(7);
    expect(replay.islands.map(numbers)).toEqual([{ 0: 0, 4: 4, 7: 6 }, { 0: 0 }, { 0: 0 }]);
    replay.to(3);
    expect(replay.islands.map(numbers)).toEqual([{ 0: 0, 4: 2 }, { 0: 1 }, { 0: 0 }]);
    expect(numbers(cellsOf(replay, RUN, null))).toEqual({ 0: 1, 4: 2 });
    replay.to(1);
    expect(replay.islands.map(numbers)).toEqual([{ 0: 0 }, { 0: 0 }]);
    for (let at = 1; at <= 7; at++) {
      replay.to(at);
      const anew = new Replay(RUN, 2);
      anew.to(at);
      expect(replay.islands.map(numbers)).toEqual(anew.islands.map(numbers));
    }
  });

  test("its coverage and quality are counted over the cells", () => {
    expect(courseOf(RUN, 2, 0)).toEqual({
      at: [1, 2, 3, 4, 5, 6, 7],
      filled: [1, 2, 2, 2, 2, 2, 3],
      quality: [0, 2, 2, 2, 4, 4, 9],
    });
    const down = made(
      [
        [0, -1, 0, 5, 0, "new"],
        [1, 0, 0, 2, 3, "new"],
      ],
      -1,
    );
    expect(courseOf(down, 1, null).quality).toEqual([0, 3]);
  });

  test("edges stand in the axis' own unit", () => {
    const log = { feature: "literals", low: 8, high: 128, cells: 4, scale: "log" as const };
    expect([0, 1, 2, 4].map((edge) => Math.round(edgeOf(log, edge)))).toEqual([8, 16, 32, 128]);
    expect(edgeOf({ ...log, scale: "linear" }, 1)).toBe(38);
    expect(packedCell([3, 2])).toBe(515);
  });
});

describe("the lineage", () => {
  test("puts islands into bands, the best on top, and children behind their parents", () => {
    const layout = laidOut(RUN, "generation");
    expect([...layout.generation]).toEqual([0, 1, 1, 2, 2, 3, 4]);
    expect(layout.bands.map((band) => band.island)).toEqual([0, 1]);
    const y = (number: number) => layout.y[RUN.placeOf(number)] ?? Number.NaN;
    expect(y(6)).toBeLessThan(y(4));
    expect(y(0)).toBeLessThan(y(3));
    expect(y(3)).toBeLessThan(layout.bands[0]?.to ?? 0);
    expect(y(1)).toBeGreaterThan(layout.bands[1]?.from ?? 1);
    expect([...laidOut(RUN, "time").x].every((x, at) => Math.abs(x - at / 6) < 1e-6)).toBe(true);
  });

  test("tells which steps gained, how much, and which was the last", () => {
    const path = pathTo(RUN, 6);
    expect(path.map((place) => RUN.number.at(place))).toEqual([0, 2, 4, 5, 6]);
    const steps = storyOf(RUN, path);
    expect(steps.map((step) => [RUN.number.at(step.place), step.gain, step.without, step.largest, step.last])).toEqual([
      [2, 2, 0, true, false],
      [4, 2, 0, false, false],
      [6, 1, 1, false, true],
    ]);
    expect(storyOf(RUN, pathTo(RUN, 0))).toEqual([]);
    const down = made(
      [
        [0, -1, 0, 5, 0, "new"],
        [1, 0, 0, 2, 3, "new"],
      ],
      -1,
    );
    expect(storyOf(down, pathTo(down, 1)).map((step) => step.gain)).toEqual([3]);
  });

  test("takes the rounding of numbers for no gain", () => {
    const noisy = made([
      [0, -1, 0, 2, 0, "new"],
      [1, 0, 0, 2 + 4e-16, 0, "improved"],
      [2, 1, 0, 2.5, 0, "improved"],
    ]);
    expect(storyOf(noisy, pathTo(noisy, 2)).map((step) => [step.gain, step.without])).toEqual([[0.5, 1]]);
  });

  test("of 5,000 programs is laid out in a moment", () => {
    const many = made(
      Array.from({ length: 5_000 }, (_, at): Row => [at, at >> 1, at % 5, Math.sin(at), at % 64, "new"]),
    );
    const began = performance.now();
    const layout = laidOut(many, "generation");
    expect(performance.now() - began).toBeLessThan(500);
    expect(Math.max(...layout.generation)).toBe(13);
  });
});

test("samples have a spread", () => {
  expect(spreadOf([])).toBeNull();
  expect(spreadOf([2])).toMatchObject({ count: 1, mean: 2, deviation: 0 });
  expect(spreadOf([1, 3])).toMatchObject({ count: 2, mean: 2, deviation: Math.SQRT2, least: 1, most: 3 });
});
