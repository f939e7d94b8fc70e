import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colour, colours } from "../../theme";
import { count, duration, gpuTime, money, ticked } from "../../words";
import type { Across, Table } from "./curves";

const HEIGHT = 360;
const OPERATORS = ["mutate", "diff", "tune", "inject", "crossover", "repair", "rewrite", "seed"] as const;

export interface Named {
  run: number;
  baseline: boolean;
}

/** The name of the colour of the curve at a place of the list. */
export function lineColour(at: number): `--${string}` {
  return `--op-${OPERATORS[at % OPERATORS.length]}`;
}

/** Baselines are dashed; so are curves whose colour another one has. */
export function dashed(at: number, baseline: boolean): number[] {
  if (baseline) return [2, 4];
  return at < OPERATORS.length ? [] : [8, 4];
}

function shown(across: Across, value: number): string {
  if (across === "seconds") return duration(value);
  if (across === "gpu_milliseconds") return gpuTime(value);
  return across === "micro_dollars" ? money(value) : count(value);
}

/** Best-so-far curves of several runs. */
export function Chart(props: { table: Table; named: readonly Named[]; across: Across; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const given = useRef(props);
  given.current = props;
  const shape = `${props.across} ${props.named.map((one) => `${one.run}${one.baseline}`).join()}`;
  const make = () => {
    plot.current?.destroy();
    if (box.current !== null) plot.current = drawn(box.current, given.current);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` is all that a chart is made anew for
  useEffect(() => {
    make();
    const watch = new ResizeObserver(() => {
      if (box.current !== null) plot.current?.setSize({ width: box.current.clientWidth, height: HEIGHT });
    });
    if (box.current !== null) watch.observe(box.current);
    return () => {
      watch.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(props.table as uPlot.AlignedData), [props.table]);
  useSignalEffect(() => {
    colours.value;
    make();
  });
  return <div class="curves" ref={box} role="img" aria-label={props.label} style={{ minHeight: `${HEIGHT}px` }} />;
}

function drawn(box: HTMLElement, { table, named, across }: { table: Table; named: readonly Named[]; across: Across }) {
  const [ink, rule] = [colour("--soft"), colour("--rule")];
  const axis = {
    stroke: ink,
    grid: { stroke: rule, width: 1 },
    ticks: { show: false },
    font: "11px Inter, sans-serif",
  };
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const series = named.map((one, at) => ({
    label: `#${one.run}`,
    stroke: colour(lineColour(at)),
    width: 2,
    dash: dashed(at, one.baseline),
    spanGaps: true,
    points: { show: false },
    ...(stepped === undefined ? {} : { paths: stepped }),
  }));
  return new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 30, values: (_, values) => values.map((value) => shown(across, value)) },
        { ...axis, size: 64, values: (_, values) => values.map((value) => ticked(value, values)) },
      ],
      series: [{}, ...series],
      cursor: { y: false },
    },
    table as uPlot.AlignedData,
    box,
  );
}
