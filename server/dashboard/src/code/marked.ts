import type { Marks } from "./diff";
import type { Span } from "./tokens";

export interface MarkedSpan extends Span {
  marked: boolean;
}

/** Cuts the coloured pieces of a line where marks begin and end. */
export function withMarks(spans: readonly Span[], marks: Marks): MarkedSpan[] {
  const pieces: MarkedSpan[] = [];
  let from = 0;
  for (const span of spans) {
    const to = from + span.text.length;
    for (const [start, end] of stretches(from, to, marks)) {
      const marked = marks.some(([first, last]) => first <= start && end <= last);
      pieces.push({ kind: span.kind, text: span.text.slice(start - from, end - from), marked });
    }
    from = to;
  }
  return pieces;
}

function stretches(from: number, to: number, marks: Marks): [number, number][] {
  const within = marks.flat().filter((edge) => edge > from && edge < to);
  const edges = [...new Set([from, ...within, to])].sort((a, b) => a - b);
  return edges.slice(1).map((edge, at) => [edges[at] ?? from, edge]);
}

/** The pieces of the first `room` characters of a line. */
export function firstOf(pieces: readonly MarkedSpan[], room: number): MarkedSpan[] {
  const found: MarkedSpan[] = [];
  let left = room;
  for (const piece of pieces) {
    if (left <= 0) break;
    found.push(piece.text.length <= left ? piece : { ...piece, text: piece.text.slice(0, left) });
    left -= piece.text.length;
  }
  return found;
}
