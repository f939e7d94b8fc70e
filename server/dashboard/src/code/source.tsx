import { useMemo, useState } from "preact/hooks";
import { count, visible } from "../words";
import { folded, type Marks, type Row, rowsOf, type Shown } from "./diff";
import { firstOf, type MarkedSpan, withMarks } from "./marked";
import { highlighted, type Span } from "./tokens";
import "./source.css";

export type Files = Readonly<Record<string, string>>;

function inOrder(names: readonly string[]): string[] {
  return [...new Set(names)].sort((a, b) => (a < b ? -1 : 1));
}

/** Characters of a line that are shown at first: a browser takes seconds to lay out a million without a break. */
const LINE_SHOWN = 4_000;

function Line({ spans, marks }: { spans: readonly Span[]; marks: Marks }) {
  const pieces = withMarks(spans, marks);
  const length = spans.reduce((all, span) => all + span.text.length, 0);
  return (
    <code>
      {length > LINE_SHOWN ? <LongLine pieces={pieces} length={length} /> : pieces.map(inColour)}
      {"\n"}
    </code>
  );
}

function LongLine({ pieces, length }: { pieces: readonly MarkedSpan[]; length: number }) {
  const [room, setRoom] = useState(LINE_SHOWN);
  return (
    <>
      {firstOf(pieces, room).map(inColour)}
      {length > room && (
        <button type="button" class="button quiet" onClick={() => setRoom(room * 8)}>
          {count(length - room)} more characters: show what follows
        </button>
      )}
    </>
  );
}

function inColour(piece: MarkedSpan, at: number) {
  const kind = piece.kind === "plain" ? undefined : `src-${piece.kind}`;
  const text = visible(piece.text);
  return piece.marked ? (
    <mark key={at} class={kind}>
      {text}
    </mark>
  ) : (
    <span key={at} class={kind}>
      {text}
    </span>
  );
}

/** Source files with line numbers and colours. */
export function Source({ files }: { files: Files }) {
  const names = inOrder(Object.keys(files));
  return (
    <>
      {names.map((name) => (
        <OneFile key={name} name={name} text={files[name] ?? ""} titled={names.length > 1} />
      ))}
    </>
  );
}

function OneFile({ name, text, titled }: { name: string; text: string; titled: boolean }) {
  const lines = useMemo(() => highlighted(name, text), [name, text]);
  return (
    <figure class="source">
      {titled && <figcaption>{visible(name)}</figcaption>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it by keys */}
      <section class="source-box" tabIndex={0} aria-label={`Source of ${name}`}>
        {lines.map((spans, at) => (
          <div key={at} class="source-line">
            <i>{at + 1}</i>
            <Line spans={spans} marks={[]} />
          </div>
        ))}
      </section>
    </figure>
  );
}

/** What changed from some files to others, in one column or side by side. */
export function Difference({ before, after, beside }: { before: Files; after: Files; beside: boolean }) {
  const names = useMemo(() => inOrder([...Object.keys(before), ...Object.keys(after)]), [before, after]);
  const changed = names.filter((name) => before[name] !== after[name]);
  if (changed.length === 0) return <p class="soft">Nothing differs.</p>;
  return (
    <>
      {changed.map((name) => (
        <FileDifference
          key={name}
          name={name}
          before={before[name] ?? ""}
          after={after[name] ?? ""}
          beside={beside}
          titled={names.length > 1}
        />
      ))}
    </>
  );
}

interface Sides {
  old: readonly Span[][];
  new: readonly Span[][];
}

function FileDifference(props: { name: string; before: string; after: string; beside: boolean; titled: boolean }) {
  const { name, before, after, beside } = props;
  const [whole, setWhole] = useState(false);
  const sides = useMemo(
    () => ({ old: highlighted(name, before), new: highlighted(name, after) }),
    [name, before, after],
  );
  const rows = useMemo(() => rowsOf(before.split("\n"), after.split("\n")), [before, after]);
  const shown: Shown[] = useMemo(() => (whole ? [{ rows }] : folded(rows)), [rows, whole]);
  const added = rows.filter((row) => row.kind === "added" || row.kind === "changed").length;
  const removed = rows.filter((row) => row.kind === "removed" || row.kind === "changed").length;
  return (
    <figure class="source">
      <figcaption class="number">
        {props.titled && <span>{visible(name)} </span>}
        <span class="plus">+{count(added)}</span> <span class="minus">−{count(removed)}</span> lines
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it by keys */}
      <section class={beside ? "source-box beside" : "source-box"} tabIndex={0} aria-label={`Changes of ${name}`}>
        {shown.map((part, at) =>
          "skipped" in part ? (
            <button key={at} type="button" class="skipped" onClick={() => setWhole(true)}>
              {count(part.skipped.length)} unchanged {part.skipped.length === 1 ? "line" : "lines"}: show
            </button>
          ) : (
            part.rows.flatMap((row) =>
              beside ? [<Beside key={`${row.old} ${row.new}`} row={row} sides={sides} />] : unified(row, sides),
            )
          ),
        )}
      </section>
    </figure>
  );
}

function Beside({ row, sides }: { row: Row; sides: Sides }) {
  return (
    <div class="source-line">
      <i>{row.old < 0 ? "" : row.old + 1}</i>
      <Cell at={row.old} spans={sides.old} marks={row.oldMarks} how={row.kind === "same" ? "" : "out"} />
      <i>{row.new < 0 ? "" : row.new + 1}</i>
      <Cell at={row.new} spans={sides.new} marks={row.newMarks} how={row.kind === "same" ? "" : "in"} />
    </div>
  );
}

function Cell({ at, spans, marks, how }: { at: number; spans: readonly Span[][]; marks: Marks; how: string }) {
  if (at < 0) return <span class="nothing" />;
  return (
    <span class={how}>
      <Line spans={spans[at] ?? []} marks={marks} />
    </span>
  );
}

function unified(row: Row, sides: Sides) {
  const lines = [];
  if (row.kind === "changed" || row.kind === "removed") {
    lines.push(
      <div key={`o ${row.old}`} class="source-line out">
        <i>{row.old + 1}</i>
        <i />
        <b>−</b>
        <Line spans={sides.old[row.old] ?? []} marks={row.oldMarks} />
      </div>,
    );
  }
  if (row.kind !== "removed") {
    lines.push(
      <div key={`n ${row.new}`} class={row.kind === "same" ? "source-line" : "source-line in"}>
        <i>{row.kind === "same" ? row.old + 1 : ""}</i>
        <i>{row.new + 1}</i>
        <b>{row.kind === "same" ? " " : "+"}</b>
        <Line spans={sides.new[row.new] ?? []} marks={row.newMarks} />
      </div>,
    );
  }
  return lines;
}
