/** A stretch of two sequences: `same`, or what was taken out of the old one and put into the new one in its place. */
interface Stretch {
  same: boolean;
  old: readonly [number, number];
  new: readonly [number, number];
}

/** More differences than these, and the middle counts as replaced as a whole: a comparison must never hang the page. */
const MOST_EDITS = 1_000;

/** The shortest way from one sequence to another (Myers, "An O(ND) difference algorithm", 1986), in stretches. */
export function compared(before: readonly string[], after: readonly string[]): Stretch[] {
  let head = 0;
  const shorter = Math.min(before.length, after.length);
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const middle = matches(before.slice(head, before.length - tail), after.slice(head, after.length - tail));
  const pairs: [number, number, number][] = [
    [0, 0, head],
    ...middle.map(([old, now, length]): [number, number, number] => [old + head, now + head, length]),
    [before.length - tail, after.length - tail, tail],
  ];
  const stretches: Stretch[] = [];
  let [old, now] = [0, 0];
  for (const [nextOld, nextNow, length] of pairs) {
    if (nextOld > old || nextNow > now) stretches.push({ same: false, old: [old, nextOld], new: [now, nextNow] });
    [old, now] = [nextOld + length, nextNow + length];
    if (length > 0) stretches.push({ same: true, old: [nextOld, old], new: [nextNow, now] });
  }
  return stretches;
}

/** Runs of equal items as [place in old, place in new, length], in order. */
function matches(before: readonly string[], after: readonly string[]): [number, number, number][] {
  const [n, m] = [before.length, after.length];
  if (n === 0 || m === 0) return [];
  const most = Math.min(n + m, MOST_EDITS);
  const reach = new Int32Array(2 * most + 3);
  const trace: Int32Array[] = [];
  const furthest = (k: number, edits: number): number => {
    const [left, right] = [reach[k + most] ?? 0, reach[k + most + 2] ?? 0];
    let x = k === -edits || (k !== edits && left < right) ? right : left + 1;
    while (x < n && x - k < m && before[x] === after[x - k]) x++;
    return x;
  };
  for (let edits = 0; edits <= most; edits++) {
    trace.push(reach.slice(most - edits, most + edits + 3));
    for (let k = -edits; k <= edits; k += 2) {
      const x = furthest(k, edits);
      reach[k + most + 1] = x;
      if (x >= n && x - k >= m) return wayBack(trace, edits, n, m);
    }
  }
  return [];
}

function wayBack(trace: readonly Int32Array[], edits: number, n: number, m: number): [number, number, number][] {
  const found: [number, number, number][] = [];
  let [x, y] = [n, m];
  for (let d = edits; d > 0; d--) {
    const step = stepBefore(trace[d] ?? new Int32Array(0), d, x - y);
    if (x > step.start) found.push([step.start, step.start - (x - y), x - step.start]);
    [x, y] = [step.x, step.y];
  }
  if (x > 0) found.push([0, 0, x]);
  return found.reverse();
}

/** The edit number `d` on the way to diagonal `k`: where it was made from, and where equal items began after it. */
function stepBefore(reach: Int32Array, d: number, k: number): { start: number; x: number; y: number } {
  const [left, right] = [reach[k + d] ?? 0, reach[k + d + 2] ?? 0];
  const inserted = k === -d || (k !== d && left < right);
  if (inserted) return { start: right, x: right, y: right - (k + 1) };
  return { start: left + 1, x: left, y: left - (k - 1) };
}

/** Where words of a line differ: [from, to) in characters. */
export type Marks = readonly (readonly [number, number])[];

export interface Row {
  kind: "same" | "changed" | "removed" | "added";
  /** Places of the lines, from 0; -1 where there is none. */
  old: number;
  new: number;
  oldMarks: Marks;
  newMarks: Marks;
}

const WORDS = /\d[\d.]*(?:[eE][+-]?\d+)?|[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;
const LONGEST_LINE = 2_000;

/** The differing words of two lines; none where the lines have too little in common for that to tell anything. */
export function wordMarks(before: string, after: string): { old: Marks; new: Marks } {
  if (before.length > LONGEST_LINE || after.length > LONGEST_LINE) return { old: [], new: [] };
  const [old, now] = [before.match(WORDS) ?? [], after.match(WORDS) ?? []];
  const stretches = compared(old, now);
  const lengths = (words: readonly string[]): number[] => {
    const ends = [0];
    for (const word of words) ends.push((ends[ends.length - 1] ?? 0) + word.length);
    return ends;
  };
  const [oldEnds, newEnds] = [lengths(old), lengths(now)];
  const shared = stretches
    .filter((one) => one.same)
    .reduce(
      (sum, one) =>
        sum +
        old
          .slice(...one.old)
          .join("")
          .trim().length,
      0,
    );
  if (shared * 3 < Math.max(before.trim().length, after.trim().length)) return { old: [], new: [] };
  const marks = (ends: readonly number[], side: "old" | "new"): Marks =>
    stretches
      .filter((one) => !one.same && one[side][1] > one[side][0])
      .map((one) => [ends[one[side][0]] ?? 0, ends[one[side][1]] ?? 0] as const);
  return { old: marks(oldEnds, "old"), new: marks(newEnds, "new") };
}

/** The rows of two files side by side: lines that took another's place stand beside it, with their differing words. */
export function rowsOf(before: readonly string[], after: readonly string[]): Row[] {
  const rows: Row[] = [];
  for (const stretch of compared(before, after)) {
    const length = Math.max(stretch.old[1] - stretch.old[0], stretch.new[1] - stretch.new[0]);
    for (let at = 0; at < length; at++) {
      const old = stretch.old[0] + at < stretch.old[1] ? stretch.old[0] + at : -1;
      const now = stretch.new[0] + at < stretch.new[1] ? stretch.new[0] + at : -1;
      rows.push(rowOf(stretch.same, old, now, before[old] ?? "", after[now] ?? ""));
    }
  }
  return rows;
}

function rowOf(same: boolean, old: number, now: number, before: string, after: string): Row {
  if (same) return { kind: "same", old, new: now, oldMarks: [], newMarks: [] };
  if (old < 0) return { kind: "added", old, new: now, oldMarks: [], newMarks: [] };
  if (now < 0) return { kind: "removed", old, new: now, oldMarks: [], newMarks: [] };
  const marks = wordMarks(before, after);
  return { kind: "changed", old, new: now, oldMarks: marks.old, newMarks: marks.new };
}

/** Rows to show, or a number of equal rows that are left out. */
export type Shown = { rows: Row[] } | { skipped: Row[] };

/** Leaves out what did not change, but for some lines around what did. */
export function folded(rows: readonly Row[], around = 3): Shown[] {
  const near = new Uint8Array(rows.length);
  for (const [at, row] of rows.entries()) {
    if (row.kind !== "same") near.fill(1, Math.max(0, at - around), at + around + 1);
  }
  const shown: Shown[] = [];
  for (const [at, row] of rows.entries()) {
    const last = shown[shown.length - 1];
    const kept = near[at] === 1;
    if (last !== undefined && "rows" in last && kept) last.rows.push(row);
    else if (last !== undefined && "skipped" in last && !kept) last.skipped.push(row);
    else shown.push(kept ? { rows: [row] } : { skipped: [row] });
  }
  return shown;
}
