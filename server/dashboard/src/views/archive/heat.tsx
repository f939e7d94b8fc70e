import { useEffect, useRef, useState } from "preact/hooks";
import { type Admissions, packedCell } from "../../live/admissions";
import { partOf, shade } from "../../parts/scale";
import { colour, colours } from "../../theme";
import { count, score } from "../../words";
import { type Axis, boundsOf, edgeOf, edgeText } from "./axes";

interface Given {
  axes: readonly Axis[];
  shown: readonly [number, number];
  cells: ReadonlyMap<number, number>;
  admissions: Admissions;
  range: readonly [number, number];
  chosen: number | null;
  choose: (cell: number) => void;
}

const LEFT = 58;
const BELOW = 42;
const TALLEST = 460;

/** The cells as a grid (two axes) or a strip (one), each coloured by the score of what lives there. */
export function Heat(given: Given) {
  const { axes, shown, cells, admissions, chosen, choose } = given;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [hovered, setHovered] = useState<number | null>(null);
  const theme = colours.value;
  const across = axes[shown[0]];
  const up = axes.length > 1 ? axes[shown[1]] : undefined;
  const columns = across?.cells ?? 1;
  const rows = up?.cells ?? 1;
  const plotWidth = Math.max(40, width - LEFT - 8);
  const side = Math.min(plotWidth / columns, up === undefined ? 56 : TALLEST / rows);
  const size = { across: up === undefined ? plotWidth / columns : Math.min(plotWidth / columns, side * 2.4), up: side };
  const height = rows * size.up + BELOW + 6;
  useEffect(() => {
    const box = canvas.current?.parentElement;
    if (box === null || box === undefined) return;
    const watch = new ResizeObserver(() => setWidth(box.clientWidth));
    watch.observe(box);
    return () => watch.disconnect();
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is drawn anew whenever it is made anew, and in other colours
  useEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (pen === null || pen === undefined || across === undefined || width === 0) return;
    sharpen(pen, width, height);
    drawCells(pen, given, { columns, rows, ...size }, hovered);
    drawAxes(pen, across, up, { columns, rows, ...size });
  }, [given, width, hovered, theme]);
  const cellAt = (event: MouseEvent): number | null => {
    const box = canvas.current?.getBoundingClientRect();
    if (box === undefined) return null;
    const column = Math.floor((event.clientX - box.left - LEFT) / size.across);
    const row = rows - 1 - Math.floor((event.clientY - box.top - 4) / size.up);
    if (column < 0 || column >= columns || row < 0 || row >= rows) return null;
    return packedCell(up === undefined ? [column] : [column, row]);
  };
  const key = (event: KeyboardEvent) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const [column, row] = chosen === null ? [0, 0] : [chosen & 255, (chosen >>> 8) & 255];
    const next = [clamp(column + (step[0] ?? 0), columns), clamp(row + (step[1] ?? 0), rows)];
    choose(packedCell(up === undefined ? next.slice(0, 1) : next));
  };
  const place = hovered === null ? undefined : cells.get(hovered);
  return (
    <div class="heat">
      <canvas
        ref={canvas}
        style={{ width: "100%", height: `${height}px` }}
        role="img"
        aria-label={`Map of ${count(cells.size)} filled cells; arrow keys choose a cell`}
        tabIndex={0}
        onClick={(event) => {
          const cell = cellAt(event);
          if (cell !== null) choose(cell);
        }}
        onMouseMove={(event) => setHovered(cellAt(event))}
        onMouseLeave={() => setHovered(null)}
        onKeyDown={key}
      />
      <p class="heat-hint number small soft">
        {hovered === null || across === undefined
          ? "Point at a cell, or click it to see what lives there."
          : `${rangeText(across, hovered & 255)}${up === undefined ? "" : `, ${rangeText(up, (hovered >>> 8) & 255)}`}: ${
              place === undefined
                ? "empty"
                : `program ${admissions.number.at(place)}, ${score(admissions.score.at(place))}`
            }`}
      </p>
    </div>
  );
}

export function rangeText(axis: Axis, index: number): string {
  const [low, high] = boundsOf(axis, index);
  return `${axis.feature} ${edgeText(low)} to ${edgeText(high)}`;
}

function clamp(value: number, cells: number): number {
  return Math.max(0, Math.min(cells - 1, value));
}

function sharpen(pen: CanvasRenderingContext2D, width: number, height: number): void {
  const ratio = devicePixelRatio;
  pen.canvas.width = width * ratio;
  pen.canvas.height = height * ratio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
}

interface Grid {
  columns: number;
  rows: number;
  across: number;
  up: number;
}

function drawCells(pen: CanvasRenderingContext2D, given: Given, grid: Grid, hovered: number | null): void {
  const { cells, admissions, range, chosen, axes } = given;
  const empty = colour("--sunken");
  const gap = grid.across > 6 && grid.up > 6 ? 1 : 0;
  const strip = axes.length === 1;
  const box = (cell: number): [number, number, number, number] => {
    const row = strip ? 0 : (cell >>> 8) & 255;
    const top = 4 + (grid.rows - 1 - row) * grid.up;
    return [LEFT + (cell & 255) * grid.across, top, grid.across - gap, grid.up - gap];
  };
  pen.fillStyle = empty;
  for (let column = 0; column < grid.columns; column++) {
    for (let row = 0; row < grid.rows; row++) pen.fillRect(...box(packedCell([column, row])));
  }
  for (const [cell, place] of cells) {
    pen.fillStyle = shade(partOf(admissions.score.at(place), range));
    pen.fillRect(...box(cell));
  }
  for (const [cell, width] of [
    [hovered, 1.5],
    [chosen, 2.5],
  ] as const) {
    if (cell === null) continue;
    pen.strokeStyle = colour("--ink");
    pen.lineWidth = width;
    const [x, y, w, h] = box(cell);
    pen.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
  }
}

function drawAxes(pen: CanvasRenderingContext2D, across: Axis, up: Axis | undefined, grid: Grid): void {
  const bottom = 4 + grid.rows * grid.up;
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillStyle = colour("--soft");
  pen.textBaseline = "top";
  pen.textAlign = "center";
  const every = Math.max(1, Math.ceil(54 / grid.across));
  for (let column = 0; column <= grid.columns; column += every) {
    pen.fillText(edgeText(edgeOf(across, column)), LEFT + column * grid.across, bottom + 4);
  }
  pen.fillStyle = colour("--ink");
  pen.fillText(across.feature, LEFT + (grid.columns * grid.across) / 2, bottom + 22);
  if (up === undefined) return;
  pen.fillStyle = colour("--soft");
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  const rowsEvery = Math.max(1, Math.ceil(18 / grid.up));
  for (let row = 0; row <= grid.rows; row += rowsEvery) {
    pen.fillText(edgeText(edgeOf(up, row)), LEFT - 6, Math.max(8, bottom - row * grid.up));
  }
  pen.save();
  pen.translate(8, 4 + (grid.rows * grid.up) / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillStyle = colour("--ink");
  pen.fillText(up.feature, 0, 0);
  pen.restore();
}
