import { describe, expect, test } from "vitest";
import { Failure } from "../src/api/client";
import { Admissions, type Operator } from "../src/live/admissions";
import type { LoggedEvent } from "../src/live/stream";
import { typed } from "../src/views/run/budget_form";
import { told } from "../src/views/run/events";
import { gainedLately, lastGain } from "../src/views/run/gains";
import { modelTallies } from "../src/views/run/models";
import { firstFrom, operatorsSeen, scoreRange, walked } from "../src/views/run/scatter";

function filled(
  scores: readonly (number | null)[],
  sign = 1,
  operator: Operator = "mutate",
  model: string | null = null,
): Admissions {
  const made = new Admissions(sign);
  for (const [at, score] of scores.entries()) {
    const parent = at === 0 ? null : 0;
    const verdict = score === null ? "crashed" : "scored";
    const by = at === 0 ? ({ operator: "seed", model: null } as const) : { operator, model };
    made.add(
      at,
      { ...by, island: 0, parent },
      { event: at, seconds: at, verdict, score, placement: "no_score", cell: null },
    );
  }
  return made;
}

describe("the range of a chart", () => {
  const scores = [1, 2, null, 3, 4, 5, 6, 7, 8, 9];

  test("the front is the better half, with what is known near it", () => {
    const up = scoreRange(filled(scores), [], true);
    expect(up.low).toBeGreaterThan(4);
    expect(up.high).toBeGreaterThan(9);
    expect(up.high).toBeLessThan(10);
    const down = scoreRange(filled(scores, -1), [], true);
    expect(down.low).toBeLessThan(1);
    expect(down.high).toBeLessThan(7);
    expect(scoreRange(filled(scores), [10], true).high).toBeGreaterThan(10);
    expect(scoreRange(filled(scores), [1000], true).high).toBeLessThan(10);
  });

  test("all scores are all scores, and none are a range still", () => {
    const { low, high } = scoreRange(filled(scores), [], false);
    expect([low < 1, high > 9]).toEqual([true, true]);
    expect(scoreRange(filled([]), [], true)).toEqual({ low: 0, high: 1 });
    expect(scoreRange(filled([null, null]), [5], true)).toEqual({ low: 0, high: 1 });
    const flat = scoreRange(filled([3, 3, 3]), [], true);
    expect(flat.high).toBeGreaterThan(flat.low);
  });

  test("the best is in it, however few are looked at", () => {
    const many = Array.from({ length: 9001 }, (_, at) => (at === 1234 ? 50 : at % 7));
    expect(scoreRange(filled(many), [], true).high).toBeGreaterThan(50);
  });
});

test("the first place from a value on", () => {
  expect([0, 1, 2, 2.5, 3, 9].map((value) => firstFrom([1, 2, 2, 3], value))).toEqual([0, 0, 1, 3, 3, 4]);
});

test("operators and models by what they made", () => {
  const made = filled([1, 3, null, 0.5], 1, "diff", "small");
  expect(operatorsSeen(made)).toEqual(["seed", "diff"]);
  expect([...modelTallies(made)]).toEqual([["small", { evaluated: 3, scored: 2, improved: 1 }]]);
});

test("a typed number is a number, nothing, or refused as the service would", () => {
  expect(typed(" 1,500 ", "x")).toBe(1500);
  expect(typed("  ", "x")).toBeNull();
  expect(typed("1e-3", "x")).toBe(0.001);
  for (const text of ["many", "1.2.3", "Infinity", "NaN"]) {
    expect(() => typed(text, "budget.seconds")).toThrow(Failure);
  }
});

describe("events in words", () => {
  const said = (event: Partial<LoggedEvent>) => told({ number: 1, at: "2026-01-01T00:00:00Z", kind: "", ...event });

  test("what they tell of stands in them", () => {
    expect(said({ kind: "new_best", program: 17, score: 2.5, evaluations: 1600 })).toEqual({
      text: "new best: 2.50000, after 1,600 evaluations",
      tone: "good",
      program: 17,
    });
    expect(said({ kind: "refused", program: 3, reason: "did_not_apply" }).text).toBe("refused: did not apply");
    expect(said({ kind: "admitted", verdict: "timed_out", score: null }).text).toBe("timed out");
    expect(said({ kind: "verified", verdict: null, score: null }).text).toContain("fault of the machine");
    const budget = { evaluations: 5000, seconds: null, micro_dollars: 2_000_000, tokens: null, target: null };
    expect(said({ kind: "budget_set", budget }).text).toBe("limits set: 5,000 evaluations, $2.00");
    expect(said({ kind: "stopping", reason: "money", detail: "nothing is left" }).text).toBe(
      "ends: money (nothing is left)",
    );
    expect(said({ kind: "finished", champion: null }).tone).toBe("warn");
  });

  test("one of a newer service keeps its name", () => {
    expect(said({ kind: "something_new" })).toEqual({ text: "something new", tone: "" });
  });
});

test("keys walk from program to program and from record to record", () => {
  const best = Float64Array.from([Number.NaN, 1, 1, 2, 2, 2, 5]);
  expect(walked(best, -1, "ArrowUp")).toBe(6);
  expect(walked(best, 6, "ArrowUp")).toBe(6);
  expect(walked(best, 6, "ArrowDown")).toBe(3);
  expect(walked(best, 4, "ArrowDown")).toBe(3);
  expect(walked(best, 3, "ArrowDown")).toBe(1);
  expect(walked(best, 1, "ArrowDown")).toBe(1);
  expect(walked(best, 1, "ArrowRight")).toBe(2);
  expect(walked(best, 0, "ArrowLeft")).toBe(0);
  expect(walked(best, 2, "Home")).toBe(0);
  expect(walked(best, 2, "End")).toBe(6);
  expect(walked(Float64Array.of(Number.NaN), -1, "ArrowLeft")).toBe(0);
  expect(walked(best, 2, "Tab")).toBeNull();
  expect(walked(new Float64Array(), -1, "End")).toBeNull();
});

test("the newest gain, and whether the run still moves", () => {
  expect(lastGain(filled([]))).toBeNull();
  expect(lastGain(filled([null, null]))).toBeNull();
  expect(lastGain(filled([1]))).toEqual({ at: 0, gained: null, since: 0 });
  expect(lastGain(filled([null, 2, 1, 2]))).toEqual({ at: 1, gained: null, since: 2 });
  expect(lastGain(filled([1, 3, 2, 7, null]))).toEqual({ at: 3, gained: 4, since: 1 });
  expect(lastGain(filled([9, 4, 5], -1))).toEqual({ at: 1, gained: -5, since: 1 });
  expect(lastGain(filled([0, 10, 10.001]))).toEqual({ at: 1, gained: 10, since: 1 });
  expect(lastGain(filled([1, 1, 1]))).toEqual({ at: 0, gained: null, since: 2 });
  const still = Array.from({ length: 30 }, (_, at) => Math.min(at, 10));
  expect(gainedLately(filled(still))).toBe(0);
  expect(gainedLately(filled(Array.from({ length: 30 }, (_, at) => at)))).toBe(3);
  expect(gainedLately(filled([1]))).toBeNull();
  expect(gainedLately(filled([null, null, 3]))).toBeNull();
});
