import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Schemas } from "../../api/client";
import { OPERATORS, VERDICTS } from "../../live/admissions";
import type { LiveRun } from "../../live/run";
import { Card, Choice, OperatorName } from "../../parts/small";
import { go } from "../../router";
import { colour, colours } from "../../theme";
import { count, duration, score, shortened, spaced, ticked, visible } from "../../words";
import {
  Dots,
  drawPrograms,
  type Line,
  nearest,
  operatorsSeen,
  type Palette,
  roomFor,
  scoreRange,
  walked,
} from "./scatter";

type Across = "evaluations" | "time";
const HEIGHT = 380;
const REACH = 14;
/** Characters of the name of a known value that its line has. */
const NAME_SHOWN = 40;

interface Hovered {
  at: number;
  left: number;
  top: number;
}

/** Every program of the run by its score, live, with the best so far. */
export function Scores({ live, detail }: { live: LiveRun; detail: Schemas["RunDetail"] }) {
  const [across, setAcross] = useState<Across>("evaluations");
  const [part, setPart] = useState<"front" | "all">("front");
  const [zoomed, setZoomed] = useState(false);
  const [hovered, setHovered] = useState<Hovered | null>(null);
  const chart = useRef<Chart | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const lines = referenceLines(detail);
  const drawn = { live, lines, across, front: part === "front" };
  const wanted = useRef(drawn);
  wanted.current = drawn;
  useEffect(() => {
    if (box.current === null) return;
    chart.current = new Chart(box.current, () => wanted.current, setHovered, setZoomed);
    return () => {
      chart.current?.end();
      chart.current = null;
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what it draws is read from `wanted`
  useEffect(() => chart.current?.reset(), [across, part, live]);
  useSignalEffect(() => {
    live.version.value;
    colours.value;
    chart.current?.draw();
  });
  const empty = live.version.value >= 0 && live.admissions.length === 0;
  return (
    <Card
      title="Scores"
      rest={
        <span class="chart-choices">
          {zoomed && (
            <button type="button" class="button quiet" onClick={() => chart.current?.reset()}>
              Show all
            </button>
          )}
          <Choice
            name="Range of scores"
            value={part}
            options={[
              ["front", "Front"],
              ["all", "All scores"],
            ]}
            choose={setPart}
          />
          <Choice
            name="Across"
            value={across}
            options={[
              ["evaluations", "Evaluations"],
              ["time", "Time"],
            ]}
            choose={setAcross}
          />
        </span>
      }
    >
      <section
        class="scores"
        ref={box}
        aria-roledescription="chart"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its programs are reached by keys, as the label says
        tabIndex={0}
        aria-label={summary(live, detail)}
        onKeyDown={(event) => {
          if (chart.current?.pressed(event.key)) event.preventDefault();
        }}
        onBlur={() => chart.current?.pressed("Escape")}
      >
        {empty && (
          <p class="waiting soft">{live.ready.value ? "Nothing was evaluated yet." : "Reading the history…"}</p>
        )}
        {hovered !== null && <Hover live={live} hovered={hovered} unit={detail.unit} />}
      </section>
      <p class="legend">
        {operatorsSeen(live.admissions).map((operator) => (
          <OperatorName key={operator} operator={operator} />
        ))}
        <span>
          <i class="key line" /> best so far
        </span>
        <span>
          <i class="key tick" /> no score
        </span>
        <span class="faint">Drag to zoom, twice click to show all; arrow keys go from program to program.</span>
      </p>
    </Card>
  );
}

function referenceLines(detail: Schemas["RunDetail"]): Line[] {
  const seed =
    detail.seed_score === null ? [] : [{ name: `seed ${score(detail.seed_score)}`, value: detail.seed_score }];
  return [
    ...detail.known.map((one) => ({
      name: `${shortened(one.name, NAME_SHOWN)} ${score(one.value)}`,
      value: one.value,
    })),
    ...seed,
  ];
}

function summary(live: LiveRun, detail: Schemas["RunDetail"]): string {
  const best = `the best is ${score(detail.best_score)} ${visible(detail.unit)}`;
  return `Scores of ${count(live.admissions.length)} programs; ${best}; left and right choose a program, up and down a record, Enter opens it`;
}

function Hover({ live, hovered, unit }: { live: LiveRun; hovered: Hovered; unit: string }) {
  const { admissions } = live;
  const at = hovered.at;
  const value = admissions.score.at(at);
  const model = admissions.models.name(admissions.model.at(at));
  const right = hovered.left > 220;
  return (
    <div
      role="status"
      class={right ? "hover left" : "hover"}
      style={{ left: `${hovered.left}px`, top: `${hovered.top}px` }}
    >
      <strong class="number">#{admissions.number.at(at)}</strong>{" "}
      <OperatorName operator={OPERATORS[admissions.operator.at(at)] ?? "seed"} />
      <div class="number">
        {Number.isNaN(value) ? spaced(VERDICTS[admissions.verdict.at(at)] ?? "") : `${score(value)} ${visible(unit)}`}
      </div>
      <div class="faint number">
        {model !== null && `${model} · `}
        {admissions.parent.at(at) >= 0 && `from #${admissions.parent.at(at)} · `}island {admissions.island.at(at)} ·{" "}
        {duration(admissions.seconds.at(at))}
      </div>
    </div>
  );
}

interface Drawn {
  live: LiveRun;
  lines: readonly Line[];
  across: Across;
  front: boolean;
}

/** The chart itself: made once, drawn anew whenever it is told to. */
class Chart {
  private readonly plot: uPlot;
  private readonly sizes: ResizeObserver;
  private readonly wanted: () => Drawn;
  private readonly hover: (hovered: Hovered | null) => void;
  private readonly tellZoomed: (zoomed: boolean) => void;
  private zoom: { x: [number, number]; y: [number, number] } | null = null;
  private hovered = -1;
  private xs: Float64Array = new Float64Array();
  private counted = new Float64Array();
  private readonly dots = new Dots();
  private palette: Palette = readPalette();
  private coloursOf = -1;

  constructor(
    box: HTMLElement,
    wanted: () => Drawn,
    hover: (hovered: Hovered | null) => void,
    tellZoomed: (zoomed: boolean) => void,
  ) {
    this.wanted = wanted;
    this.hover = hover;
    this.tellZoomed = tellZoomed;
    this.plot = new uPlot(this.options(box.clientWidth), [[], []], box);
    this.plot.over.addEventListener("click", this.open);
    this.plot.over.addEventListener("dblclick", () => this.reset());
    this.plot.over.addEventListener("mouseleave", () => this.show(-1));
    this.sizes = new ResizeObserver(() => this.plot.setSize({ width: box.clientWidth, height: HEIGHT }));
    this.sizes.observe(box);
    this.draw();
  }

  end(): void {
    this.sizes.disconnect();
    this.plot.destroy();
  }

  reset(): void {
    this.zoom = null;
    this.tellZoomed(false);
    this.draw();
  }

  draw(): void {
    const { live, across } = this.wanted();
    if (this.coloursOf !== colours.peek()) {
      this.coloursOf = colours.peek();
      this.palette = readPalette();
    }
    const { admissions } = live;
    this.xs = across === "time" ? admissions.seconds.view() : this.countedTo(admissions.length);
    this.plot.setData([this.xs, admissions.best.view()] as unknown as uPlot.AlignedData, true);
  }

  /** 1, 2, 3, … */
  private countedTo(length: number): Float64Array {
    if (this.counted.length < length) this.counted = Float64Array.from({ length: 2 * length }, (_, at) => at + 1);
    return this.counted.subarray(0, length);
  }

  private options(width: number): uPlot.Options {
    const axis = (): uPlot.Axis => ({
      stroke: () => this.palette.faint,
      grid: { stroke: () => this.palette.rule, width: 1 },
      ticks: { show: false },
      font: "11.5px Inter, system-ui, sans-serif",
    });
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      padding: [8, 18, 0, 0],
      scales: {
        x: { time: false, range: () => this.rangeX() },
        y: { range: () => this.rangeY() },
      },
      axes: [
        {
          ...axis(),
          size: 30,
          values: (_, values) =>
            values.map((value) =>
              this.wanted().across === "time" ? (value === 0 ? "0" : duration(value)) : count(value),
            ),
        },
        { ...axis(), size: 66, values: (_, values) => values.map((value) => ticked(value, values)) },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      cursor: { points: { show: false }, drag: { x: true, y: true, uni: 24, setScale: false }, y: false },
      hooks: {
        draw: [
          (plot) =>
            drawPrograms(plot, this.dots, this.wanted().live.admissions, this.xs, this.wanted().lines, this.palette),
        ],
        setCursor: [(plot) => this.look(plot)],
        setSelect: [(plot) => this.selected(plot)],
      },
    };
  }

  private rangeX(): [number, number] {
    if (this.zoom !== null) return this.zoom.x;
    return [0, roomFor(this.xs[this.xs.length - 1] ?? 1)];
  }

  private rangeY(): [number, number] {
    if (this.zoom !== null) return this.zoom.y;
    const { live, lines, front } = this.wanted();
    const { low, high } = scoreRange(
      live.admissions,
      lines.map((line) => line.value),
      front,
    );
    return [low, high];
  }

  private selected(plot: uPlot): void {
    const { left, top, width, height } = plot.select;
    if (width < 4 && height < 4) return;
    const [y0, y1] = [plot.posToVal(top + height, "y"), plot.posToVal(top, "y")];
    this.zoom = { x: [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")], y: [y0, y1] };
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.tellZoomed(true);
    this.draw();
  }

  private look(plot: uPlot): void {
    const { left, top } = plot.cursor;
    if (left === undefined || top === undefined || left === null || top === null || left < 0) this.show(-1);
    else this.show(nearest(plot, this.wanted().live.admissions, this.xs, left, top, REACH));
  }

  private show(at: number): void {
    if (at === this.hovered) return;
    this.hovered = at;
    this.plot.over.style.cursor = at < 0 ? "" : "pointer";
    if (at < 0) {
      this.hover(null);
      return;
    }
    const value = this.wanted().live.admissions.score.at(at);
    const { over } = this.plot;
    const y = Number.isNaN(value) ? over.clientHeight - 4 : this.plot.valToPos(value, "y");
    const top = over.offsetTop + Math.min(over.clientHeight, Math.max(0, y));
    this.hover({ at, left: over.offsetLeft + this.plot.valToPos(this.xs[at] ?? 0, "x"), top });
  }

  /** Does what a key asks for; false if it asks for nothing here. */
  pressed(key: string): boolean {
    const { admissions } = this.wanted().live;
    if (key === "Enter") this.open();
    else if (key === "Escape") this.show(-1);
    else {
      const next = walked(admissions.best.view(), this.hovered, key);
      if (next === null) return false;
      const [from, to] = this.rangeX();
      const place = this.xs[next] ?? 0;
      if (place < from || place > to) this.reset();
      this.show(next);
    }
    return true;
  }

  private readonly open = (): void => {
    if (this.hovered >= 0) {
      const { live } = this.wanted();
      go(`/runs/${live.id}/programs/${live.admissions.number.at(this.hovered)}`);
    }
  };
}

function readPalette(): Palette {
  return {
    operators: OPERATORS.map((operator) => colour(`--op-${operator}`)),
    rule: colour("--rule"),
    ink: colour("--ink"),
    faint: colour("--faint"),
    card: colour("--card"),
    bad: colour("--bad"),
  };
}
