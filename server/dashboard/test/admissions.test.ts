import { describe, expect, test } from "vitest";
import { Admissions, packedCell, unpackedCell } from "../src/live/admissions";
import { Column, Names } from "../src/live/columns";

const PAGE = {
  next: 9,
  newest: 9,
  event: [1, 4, 6, null],
  seconds: [0.1, 0.5, 0.9, null],
  number: [0, 2, 1, 3],
  operator: ["seed", "diff", "mutate", "tune"] as const,
  model: [null, "small", null, null],
  island: [0, 1, 0, 0],
  parent: [null, 0, 0, 2],
  verdict: ["scored", "crashed", "scored", null] as const,
  score: [1.5, null, 1.25, null],
  placement: ["new", "no_score", "improved", null],
  cell: [[5, 3], null, [5, 250], null],
  founded: [[5, 1, 0] as const],
};

function filled(sign: number): Admissions {
  const made = new Admissions(sign);
  made.addHistory(PAGE);
  return made;
}

describe("the programs that a run took in", () => {
  test("a page of the history becomes columns; what is in flight waits", () => {
    const made = filled(1);
    expect([...made.number.view()]).toEqual([0, 2, 1]);
    expect(made.open.get(3)).toEqual({ operator: "tune", model: null, island: 0, parent: 2 });
    expect(made.models.name(made.model.at(1))).toBe("small");
    expect(made.placeOf(1)).toBe(2);
    expect(made.placeOf(3)).toBe(-1);
    expect(made.placeOf(99)).toBe(-1);
    expect(made.scoreOf(2)).toBeNaN();
    expect(unpackedCell(made.cell.at(2), 2)).toEqual([5, 250]);
  });

  test("the best so far rises where more is better, and falls where less is", () => {
    expect([...filled(1).best.view()]).toEqual([1.5, 1.5, 1.5]);
    expect([...filled(-1).best.view()]).toEqual([1.5, 1.5, 1.25]);
    expect(filled(-1).improves(2)).toBe(true);
    expect(filled(1).improves(2)).toBe(false);
    expect(filled(1).improves(1)).toBe(false);
    expect(filled(1).improves(0)).toBe(false);
  });

  test("what comes later takes its maker from the proposals in flight", () => {
    const made = filled(1);
    const waiting = made.open.get(3);
    expect(waiting).toBeDefined();
    if (waiting === undefined) return;
    made.add(3, waiting, { event: 12, seconds: 2, verdict: "scored", score: 2, placement: "new", cell: [0, 0] });
    expect(made.open.size).toBe(0);
    expect(made.best.at(3)).toBe(2);
    expect(made.length).toBe(4);
  });
});

describe("typed memory", () => {
  test("a column grows and keeps what it had", () => {
    const column = new Column((n) => new Float64Array(n), 2);
    for (let at = 0; at < 1000; at++) column.push(at / 2);
    expect(column.length).toBe(1000);
    expect(column.view()[999]).toBe(499.5);
    expect(column.at(1000)).toBeNaN();
  });

  test("a cell of four axes of 256 fits", () => {
    expect(unpackedCell(packedCell([255, 0, 128, 255]), 4)).toEqual([255, 0, 128, 255]);
  });

  test("names have numbers, none has 0", () => {
    const names = new Names();
    expect([names.number("a"), names.number("b"), names.number("a"), names.number(null)]).toEqual([1, 2, 1, 0]);
    expect(names.name(2)).toBe("b");
    expect(names.name(9)).toBeNull();
  });
});
