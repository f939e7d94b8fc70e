import { describe, expect, it, test } from "vitest";
import { compared, folded, rowsOf, wordMarks } from "../src/code/diff";
import { firstOf, withMarks } from "../src/code/marked";
import { highlighted } from "../src/code/tokens";

/** Small numbers that look random and are the same each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

describe("a comparison", () => {
  it("leads from the one to the other, and keeps as much as any can", () => {
    const throwDice = dice(7);
    for (let round = 0; round < 300; round++) {
      const word = () => Array.from({ length: throwDice(12) }, () => "abc"[throwDice(3)] ?? "");
      const [old, now] = [word(), word()];
      const made: string[] = [];
      let kept = 0;
      let [oldAt, newAt] = [0, 0];
      for (const stretch of compared(old, now)) {
        expect([stretch.old[0], stretch.new[0]]).toEqual([oldAt, newAt]);
        [oldAt, newAt] = [stretch.old[1], stretch.new[1]];
        made.push(...(stretch.same ? old.slice(...stretch.old) : now.slice(...stretch.new)));
        if (stretch.same) kept += stretch.old[1] - stretch.old[0];
      }
      expect(made).toEqual(now);
      expect(oldAt).toBe(old.length);
      expect(kept).toBe(longestCommon(old, now));
    }
  });

  it("of files with nothing in common ends soon", () => {
    const old = Array.from({ length: 20_000 }, (_, at) => `old ${at}`);
    const now = Array.from({ length: 20_000 }, (_, at) => `new ${at}`);
    expect(compared(old, now)).toEqual([{ same: false, old: [0, 20_000], new: [0, 20_000] }]);
  });

  it("marks the words that differ, and none where the lines are strangers", () => {
    expect(wordMarks("x = 3.1 * y", "x = 3.2 * y")).toEqual({ old: [[4, 7]], new: [[4, 7]] });
    expect(wordMarks("return alpha", "while True:")).toEqual({ old: [], new: [] });
  });

  it("pairs changed lines and folds what did not change", () => {
    const old = Array.from({ length: 40 }, (_, at) => `line ${at}`);
    const now = old.with(20, "line twenty").concat("one more");
    const rows = rowsOf(old, now);
    expect(rows.filter((row) => row.kind !== "same").map((row) => [row.kind, row.old, row.new])).toEqual([
      ["changed", 20, 20],
      ["added", -1, 40],
    ]);
    expect(folded(rows).map((part) => ("rows" in part ? part.rows.length : -part.skipped.length))).toEqual([
      -17, 7, -13, 4,
    ]);
  });
});

function longestCommon(old: readonly string[], now: readonly string[]): number {
  let above = new Array<number>(now.length + 1).fill(0);
  for (const item of old) {
    const line = [0];
    for (const [at, other] of now.entries()) {
      line.push(item === other ? (above[at] ?? 0) + 1 : Math.max(above[at + 1] ?? 0, line[at] ?? 0));
    }
    above = line;
  }
  return above[now.length] ?? 0;
}

describe("colours of source", () => {
  const PYTHON = `# EVOLVE-BLOCK-START
def area(r: float) -> float:  # a disc
    """Two
    lines"""
    return 3.14e0 * r ** 2 if r > 0x1F else f'no {r}'
"unfinished`;

  it("know words, strings over lines, numbers and marks, and change nothing", () => {
    const lines = highlighted("a.py", PYTHON);
    expect(lines.map((line) => line.map((span) => span.text).join("")).join("\n")).toBe(PYTHON);
    expect(lines[0]).toEqual([{ kind: "mark", text: "# EVOLVE-BLOCK-START" }]);
    const kinds = Object.fromEntries(lines.flat().map((span) => [span.text.trim(), span.kind]));
    expect(kinds).toMatchObject({
      def: "keyword",
      area: "name",
      "# a disc": "comment",
      'lines"""': "string",
      "3.14e0": "number",
      "0x1F": "number",
      "f'no {r}'": "string",
      '"unfinished': "string",
    });
  });

  it("know C, and leave alone what they do not know or what is too long", () => {
    const kinds = highlighted("a.c", "#include <x.h>\nint f(void) { return 1; } /* so */");
    expect(kinds[0]?.[0]).toEqual({ kind: "keyword", text: "#include" });
    expect(kinds[1]?.at(-1)).toEqual({ kind: "comment", text: "/* so */" });
    expect(highlighted("a.txt", "def f")).toEqual([[{ kind: "plain", text: "def f" }]]);
    const long = `x = "${"a".repeat(1_000_000)}"`;
    expect(highlighted("a.py", long)).toEqual([[{ kind: "plain", text: long }]]);
  });

  it("are cut where marks begin and end", () => {
    const spans = [
      { kind: "keyword" as const, text: "return" },
      { kind: "plain" as const, text: " xy" },
    ];
    expect(withMarks(spans, [[4, 8]])).toEqual([
      { kind: "keyword", text: "retu", marked: false },
      { kind: "keyword", text: "rn", marked: true },
      { kind: "plain", text: " x", marked: true },
      { kind: "plain", text: "y", marked: false },
    ]);
  });
});

test("of a long line the first pieces are shown, the last of them cut", () => {
  const pieces = withMarks(
    [
      { kind: "keyword", text: "return" },
      { kind: "plain", text: " x + y" },
    ],
    [[8, 9]],
  );
  expect(firstOf(pieces, 10).map((piece) => piece.text)).toEqual(["return", " x", " ", "+"]);
  expect(firstOf(pieces, 10).map((piece) => piece.marked)).toEqual([false, false, true, false]);
  expect(firstOf(pieces, 99)).toEqual(pieces);
});
