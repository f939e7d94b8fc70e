import { useMemo, useState } from "preact/hooks";
import { api, type Schemas } from "../../api/client";
import { packedCell, unpackedCell } from "../../live/admissions";
import type { LiveRun } from "../../live/run";
import { rangeOf } from "../../parts/scale";
import { Card, Choice } from "../../parts/small";
import { Empty, Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { count, share } from "../../words";
import { RunFrame } from "../run/frame";
import type { Axis } from "./axes";
import { Courses } from "./courses";
import { Elite } from "./elite";
import { Heat } from "./heat";
import { Legend } from "./legend";
import { cellsOf, Replay } from "./replay";
import { TimeSlider } from "./slider";
import "./archive.css";

/** The archive of a run: what lives in which cell, and how it came to that. */
export default function ArchiveView({ run }: Record<string, string>) {
  const id = Number(run);
  const axes = usePoll(
    `axes ${run}`,
    async (signal) =>
      (await api.get("/api/v1/runs/{run}/archive", { path: { run: id }, query: { limit: 1 }, signal })).axes,
    0,
  );
  return (
    <RunFrame run={run ?? ""}>
      {(live, detail) => (
        <Ready of={axes} waiting={<Loading what="the axes" heights={[420]} />}>
          {(found) => <Archive live={live} detail={detail} axes={found} />}
        </Ready>
      )}
    </RunFrame>
  );
}

interface Given {
  live: LiveRun;
  detail: Schemas["RunDetail"];
  axes: readonly Axis[];
}

function Archive({ live, detail, axes }: Given) {
  const version = live.version.value;
  const admissions = live.admissions;
  const begun = detail.config.strategy === "islands" ? detail.config.islands : 1;
  const [island, setIsland] = useState<number | null>(null);
  const [moment, setMoment] = useState<number | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const [shown, setShown] = useState<readonly [number, number]>([0, Math.min(1, axes.length - 1)]);
  const [slice, setSlice] = useState<readonly (number | null)[]>(() => axes.map(() => null));
  const replay = useMemo(() => new Replay(admissions, begun), [admissions, begun]);
  const at = moment ?? admissions.length;
  replay.to(at);
  const islands = replay.islands.length;
  const cells = flattened(cellsOf(replay, admissions, island), axes, shown, slice, admissions);
  const range = useMemo(
    () => (version < 0 ? ([0, 1] as const) : finalRange(admissions, begun)),
    [version, admissions, begun],
  );
  if (!live.ready.value) return <Loading what="the history" heights={[420]} />;
  if (admissions.length === 0) return <Empty title="The archive is empty until the seed program is evaluated" />;
  const total = axes.reduce((product, axis) => product * axis.cells, 1);
  const whole = cellsOf(replay, admissions, island).size;
  return (
    <div class="stack">
      <Card
        title={`${count(whole)} of ${count(total)} cells filled (${share(whole / total)})`}
        rest={
          <Choice
            name="Island"
            value={island === null ? "all" : String(island)}
            options={[
              ["all", "All islands"],
              ...Array.from({ length: islands }, (_, one) => [String(one), String(one)] as const),
            ]}
            choose={(value) => setIsland(value === "all" ? null : Number(value))}
          />
        }
      >
        {axes.length > 2 && <Slices axes={axes} shown={shown} slice={slice} show={setShown} cut={setSlice} />}
        <div class="archive">
          <div class="archive-map">
            <Heat
              axes={axes}
              shown={shown}
              cells={cells}
              admissions={admissions}
              range={range}
              chosen={chosen}
              choose={setChosen}
            />
            <Legend range={range} unit={detail.unit} />
          </div>
          <Elite run={detail.id} place={chosen === null ? undefined : cells.get(chosen)} live={live} axes={axes} />
        </div>
        <TimeSlider at={at} most={admissions.length} follows={moment === null} go={setMoment} admissions={admissions} />
      </Card>
      <Courses admissions={admissions} version={version} begun={begun} island={island} total={total} at={at} />
    </div>
  );
}

/** Colours tell apart what lives in the archive now, also where it is shown as it was before. */
function finalRange(admissions: LiveRun["admissions"], begun: number): readonly [number, number] {
  const replay = new Replay(admissions, begun);
  replay.to(admissions.length);
  const places = [...cellsOf(replay, admissions, null).values()];
  return rangeOf(
    places.map((place) => admissions.score.at(place)),
    admissions.sign,
  );
}

/** Cells on the two shown axes, the best of each: others are cut at a place, or looked through. */
function flattened(
  cells: ReadonlyMap<number, number>,
  axes: readonly Axis[],
  shown: readonly [number, number],
  slice: readonly (number | null)[],
  admissions: LiveRun["admissions"],
): Map<number, number> {
  const flat = new Map<number, number>();
  for (const [packed, place] of cells) {
    const cell = unpackedCell(packed, axes.length);
    if (axes.some((_, axis) => !shown.includes(axis) && slice[axis] !== null && slice[axis] !== cell[axis])) continue;
    const key = packedCell(axes.length === 1 ? [cell[0] ?? 0] : [cell[shown[0]] ?? 0, cell[shown[1]] ?? 0]);
    const other = flat.get(key);
    if (other === undefined || admissions.sign * (admissions.score.at(place) - admissions.score.at(other)) > 0) {
      flat.set(key, place);
    }
  }
  return flat;
}

function Slices(props: {
  axes: readonly Axis[];
  shown: readonly [number, number];
  slice: readonly (number | null)[];
  show: (axes: readonly [number, number]) => void;
  cut: (slice: readonly (number | null)[]) => void;
}) {
  const { axes, shown, slice } = props;
  const pick = (side: 0 | 1, axis: number) => {
    const other = shown[1 - side] ?? 0;
    const next = other === axis ? (shown[side] ?? 0) : other;
    props.show(side === 0 ? [axis, next] : [next, axis]);
  };
  return (
    <div class="slices">
      {(["Across", "Up"] as const).map((name, side) => (
        <label key={name}>
          {name}
          <select
            class="input"
            value={shown[side]}
            onChange={(event) => pick(side === 0 ? 0 : 1, Number(event.currentTarget.value))}
          >
            {axes.map((axis, at) => (
              <option key={axis.feature} value={at}>
                {axis.feature}
              </option>
            ))}
          </select>
        </label>
      ))}
      {axes.map((axis, at) =>
        shown.includes(at) ? null : (
          <label key={axis.feature}>
            {axis.feature}
            <select
              class="input"
              value={slice[at] ?? ""}
              onChange={(event) => {
                const value = event.currentTarget.value;
                props.cut(slice.map((old, one) => (one === at ? (value === "" ? null : Number(value)) : old)));
              }}
            >
              <option value="">the best of all</option>
              {Array.from({ length: axis.cells }, (_, cell) => (
                <option key={`${axis.feature} ${cell}`} value={cell}>
                  cell {cell}
                </option>
              ))}
            </select>
          </label>
        ),
      )}
    </div>
  );
}
