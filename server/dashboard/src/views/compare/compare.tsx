import { useMemo, useState } from "preact/hooks";
import { api, Failure, type Schemas } from "../../api/client";
import { Card, Choice, StateBadge } from "../../parts/small";
import { Command, Empty, Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { keep, place } from "../../router";
import { mayAnywhere } from "../../session";
import { count, duration, gain, gpuTime, money, score, spaced, visible } from "../../words";
import { Chart, dashed, lineColour } from "./chart";
import { type Across, BASELINES, MOST, runsOf, tableOf } from "./curves";
import { Picker } from "./picker";
import "./compare.css";

type Detail = Schemas["RunDetail"];
interface Read {
  same: boolean;
  runs: readonly { detail: Detail; records: Schemas["ComparedRun"]["records"] }[];
  gone: readonly number[];
}
const POLL_MS = 5_000;
const AXES = [
  ["evaluations", "Evaluations"],
  ["seconds", "Time"],
  ["micro_dollars", "Money"],
  ["gpu_milliseconds", "GPU time"],
] as const;

/** Several runs side by side; which ones stands in the address. */
export default function Compare() {
  const search = place.value.search;
  const runs = runsOf(search.get("runs"));
  const inspects = mayAnywhere("inspect");
  const [picking, setPicking] = useState(false);
  const polled = usePoll(`compare ${runs.join()}`, (signal) => readAll(runs, signal), POLL_MS);
  const gpus = holdGpus(polled.data);
  const axes = AXES.filter(([name]) => (name === "micro_dollars" ? inspects : name !== "gpu_milliseconds" || gpus));
  const across: Across = axes.find(([name]) => name === search.get("by"))?.[0] ?? "evaluations";
  const choose = (chosen: readonly number[]) => keep({ runs: chosen.length === 0 ? null : chosen.join() });
  return (
    <div class="stack compare">
      <div class="head">
        <h1>Compare</h1>
        <div class="rest">
          <Choice
            name="Across"
            value={across}
            options={axes}
            choose={(value) => keep({ by: value === "evaluations" ? null : value })}
          />
          <button type="button" class="button first" onClick={() => setPicking(true)}>
            Choose runs
          </button>
        </div>
      </div>
      {runs.length === 0 ? (
        <section class="card">
          <Empty title="No run is chosen">
            <p>
              Choose up to {MOST} runs: their best scores stand on one chart, and the address of the page keeps the
              choice.
            </p>
          </Empty>
        </section>
      ) : (
        <Ready of={polled} waiting={<Loading what="the runs" heights={[380, 160]} />}>
          {(read) => <Shown read={read} across={across} inspects={inspects} choose={choose} />}
        </Ready>
      )}
      {picking && <Picker chosen={runs} choose={choose} close={() => setPicking(false)} />}
    </div>
  );
}

async function readAll(runs: readonly number[], signal: AbortSignal): Promise<Read> {
  const details = await Promise.all(
    runs.map((run) =>
      api.get("/api/v1/runs/{run}", { path: { run }, signal }).catch((error: unknown) => {
        // One that is gone, or was never there, hides no other.
        if (error instanceof Failure && (error.status === 404 || error.status === 409)) return null;
        throw error;
      }),
    ),
  );
  const found = details.filter((detail) => detail !== null);
  const gone = runs.filter((_, at) => details[at] === null);
  if (found.length === 0) return { same: true, runs: [], gone };
  const query = { run: found.map((detail) => detail.id) };
  const compared = await api.get("/api/v1/comparison", { query, signal });
  const records = new Map(compared.runs.map((one) => [one.run, one.records]));
  return {
    same: compared.same_problem,
    runs: found.map((detail) => ({ detail, records: records.get(detail.id) ?? [] })),
    gone,
  };
}

function holdGpus(read: Read | undefined): boolean {
  return read?.runs.some(({ detail }) => detail.gpus > 0) ?? false;
}

function untilOf(detail: Detail, across: Across): number {
  return across === "micro_dollars" ? (detail.spent_micro_dollars ?? 0) : detail[across];
}

interface Given {
  read: Read;
  across: Across;
  inspects: boolean;
  choose: (runs: readonly number[]) => void;
}

function Shown({ read, across, inspects, choose }: Given) {
  const { runs, gone } = read;
  const table = useMemo(
    () =>
      tableOf(
        runs.map(({ detail, records }) => ({ records, until: untilOf(detail, across) })),
        across,
      ),
    [runs, across],
  );
  const named = runs.map(({ detail }) => ({ run: detail.id, baseline: isBaseline(detail) }));
  const free = across === "micro_dollars" && (table[0].at(-1) ?? 0) === 0;
  return (
    <>
      {gone.length > 0 && (
        <p class="said warn" role="status">
          Not there, or not yours to see: {gone.map((run) => `run ${run}`).join(", ")}.
        </p>
      )}
      {!read.same && (
        <p class="said warn" role="status">
          <strong>These runs are not of the same problem:</strong> their scores do not mean the same, and no curve is
          above another.
        </p>
      )}
      {runs.length > 0 && (
        <Card title={`Best so far, ${axisName(across)}`} rest={<span class="faint">{sameProblem(read)}</span>}>
          {free && <p class="soft">None of these runs cost money.</p>}
          <Chart
            table={table}
            named={named}
            across={across}
            label={`Best scores of ${runs.length === 1 ? "1 run" : `${runs.length} runs`} ${axisName(across)}`}
          />
        </Card>
      )}
      {runs.length > 0 && <Table read={read} inspects={inspects} choose={choose} />}
      {runs.length > 0 && <Baseline runs={runs.map(({ detail }) => detail)} />}
    </>
  );
}

function axisName(across: Across): string {
  const names = {
    evaluations: "evaluations",
    seconds: "active time",
    micro_dollars: "money",
    gpu_milliseconds: "GPU time",
  };
  return `by ${names[across]}`;
}

function sameProblem({ same, runs }: Read): string {
  const first = runs[0]?.detail;
  return same && first !== undefined ? `all of one problem: ${visible(first.title)}` : "of several problems";
}

function isBaseline(detail: Detail): boolean {
  return BASELINES.includes(detail.config.strategy);
}

function Table({ read, inspects, choose }: Omit<Given, "across">) {
  const all = read.runs.map(({ detail }) => detail.id);
  const gpus = holdGpus(read);
  return (
    <section class="card">
      <div class="scroll">
        <table class="compared stacked">
          <thead>
            <tr>
              <th>Run</th>
              <th>State</th>
              <th>Best</th>
              <th>Verified</th>
              <th>Seed</th>
              <th>Evaluations</th>
              {inspects && <th>Money</th>}
              {gpus && <th>GPU time</th>}
              <th>Time</th>
              <th>
                <span class="for-ears">Leave out</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {read.runs.map(({ detail }, at) => (
              <Row
                key={detail.id}
                detail={detail}
                at={at}
                inspects={inspects}
                gpus={gpus}
                remove={() => choose(all.filter((run) => run !== detail.id))}
              />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row(props: { detail: Detail; at: number; inspects: boolean; gpus: boolean; remove: () => void }) {
  const { detail, at } = props;
  const gained =
    detail.best_score === null || detail.seed_score === null ? null : gain(detail.best_score - detail.seed_score);
  const line = isBaseline(detail) ? "dotted" : dashed(at, false).length > 0 ? "dashed" : "solid";
  return (
    <tr>
      <td class="name">
        <i class="line" style={{ borderTopColor: `var(${lineColour(at)})`, borderTopStyle: line }} />
        <a href={`/runs/${detail.id}`}>
          <span class="number">#{detail.id}</span> {visible(detail.title)}
        </a>
        <div class="about">
          {spaced(detail.config.strategy)}
          {isBaseline(detail) && ": a baseline"}
          {detail.config.models.length > 0 && ` · ${visible(detail.config.models.map((one) => one.name).join(", "))}`}
        </div>
      </td>
      <td data-name="State">
        <StateBadge run={detail} />
      </td>
      <td data-name="Best" class="number">
        {score(detail.best_score)} <span class="soft">{visible(detail.unit)}</span>
        {gained !== null && <div class="about">{gained} on the seed</div>}
      </td>
      <td data-name="Verified" class="number">
        {score(detail.verified_score)}
      </td>
      <td data-name="Seed" class="number">
        {score(detail.seed_score)}
      </td>
      <td data-name="Evaluations" class="number">
        {count(detail.evaluations)}
      </td>
      {props.inspects && (
        <td data-name="Money" class="number">
          {money(detail.spent_micro_dollars)}
        </td>
      )}
      {props.gpus && (
        <td data-name="GPU time" class="number">
          {gpuTime(detail.gpu_milliseconds)}
        </td>
      )}
      <td data-name="Time" class="number">
        {duration(detail.seconds)}
      </td>
      <td class="out">
        <button type="button" class="button quiet" aria-label={`Leave out run ${detail.id}`} onClick={props.remove}>
          ×
        </button>
      </td>
    </tr>
  );
}

function Baseline({ runs }: { runs: readonly Detail[] }) {
  const [first] = runs;
  if (first === undefined) return null;
  const found = runs.filter(isBaseline);
  if (found.length > 0) {
    return (
      <p class="soft">
        {found.length === 1 ? "The dotted curve is" : "The dotted curves are"} best of N:{" "}
        {found.map((run) => `#${run.id}`).join(", ")}. Read the others against it at the same number of evaluations.
      </p>
    );
  }
  const evaluations = Math.max(1, ...runs.map((run) => run.evaluations));
  return (
    <Card title="Is it evolution that helps?">
      <p class="soft">
        A run that only draws again and again, best of N, shows what as many evaluations bring without selection. Start
        one, and choose it here too:
      </p>
      <Command>{`galapagos remote start ${first.problem} --strategy seq_best_of_n --evaluations ${evaluations}`}</Command>
    </Card>
  );
}
