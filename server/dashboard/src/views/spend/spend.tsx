import { useMemo } from "preact/hooks";
import { api, type Schemas } from "../../api/client";
import { readPages } from "../../api/pages";
import { Bar, Choice, Tile, Tiles } from "../../parts/small";
import { Command, Empty, Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { keep, place } from "../../router";
import { mayAnywhere, session } from "../../session";
import { count, gpuTime, money, share, visible } from "../../words";
import { COLUMNS, type Column, columnsOf, firstDay, knowsGpus, ordered, type Sum, summed } from "./order";
import "./spend.css";

type Spent = Schemas["Spent"];
type Group = Schemas["Group"];
const POLL_MS = 10_000;
const PAGE = 200;
const MOST_PAGES = 10;
const GROUPS = [
  ["project", "Projects"],
  ["person", "People"],
  ["run", "Runs"],
  ["model", "Models"],
] as const;
const SPANS = [
  ["", "Ever"],
  ["30", "30 days"],
  ["7", "7 days"],
  ["1", "Today"],
] as const;

/** What was spent, by whom and for what, against the limits. */
export default function Spend() {
  const search = place.value.search;
  const by = oneOf(GROUPS, search.get("by")) ?? "project";
  const days = oneOf(SPANS, search.get("days")) ?? "";
  const project = search.get("project");
  const polled = usePoll(
    `spend ${by} ${days} ${project}`,
    (signal) => readAll(by, days === "" ? null : firstDay(Number(days), Date.now()), project, signal),
    POLL_MS,
  );
  if (!mayAnywhere("inspect")) {
    return (
      <Empty whole title="Your role sees no money">
        <p>Who administers a project can give you one that does: viewer or member.</p>
      </Empty>
    );
  }
  return (
    <div class="stack spend">
      <div class="head">
        <h1>Spend</h1>
        <div class="rest">
          <Projects project={project} />
          <Choice
            name="Since"
            value={days}
            options={SPANS}
            choose={(value) => keep({ days: value === "" ? null : value })}
          />
          <Choice name="By" value={by} options={GROUPS} choose={(value) => keep({ by: value, sort: null })} />
        </div>
      </div>
      <Ready of={polled} waiting={<Loading what="what was spent" heights={[80, 52, 52, 52]} />}>
        {({ lines, more }) => (
          // Limits count what was ever spent, and those of people what was spent in all projects.
          <Shown lines={lines} by={by} more={more} limited={days === "" && (project === null || by !== "person")} />
        )}
      </Ready>
    </div>
  );
}

function oneOf<T extends string>(options: readonly (readonly [T, string])[], text: string | null): T | undefined {
  return options.find(([value]) => value === text)?.[0];
}

function readAll(
  by: Group,
  since: string | null,
  project: string | null,
  signal: AbortSignal,
): Promise<{ lines: Spent[]; more: boolean }> {
  const chosen = {
    by,
    ...(since === null ? {} : { since }),
    ...(project === null ? {} : { project: Number(project) }),
  };
  return readPages(MOST_PAGES, PAGE, (query) => api.get("/api/v1/spend", { query: { ...query, ...chosen }, signal }));
}

function Projects({ project }: { project: string | null }) {
  const now = session.value;
  const projects = now.state === "in" ? now.me.memberships : [];
  if (projects.length < 2) return null;
  return (
    <select
      class="input project"
      aria-label="Project"
      value={project ?? ""}
      onChange={(event) => keep({ project: event.currentTarget.value || null })}
    >
      <option value="">All projects</option>
      {projects.map((one) => (
        <option key={one.project} value={one.project}>
          {one.name}
        </option>
      ))}
    </select>
  );
}

function Shown(props: { lines: readonly Spent[]; by: Group; more: boolean; limited: boolean }) {
  const { lines, by, more, limited } = props;
  const search = place.value.search;
  const column = oneOf(COLUMNS, search.get("sort")) ?? "micro_dollars";
  const turned = search.get("turned") !== null;
  const sorted = useMemo(() => ordered(lines, column, turned), [lines, column, turned]);
  const sum = useMemo(() => summed(lines), [lines]);
  if (lines.length === 0) return <Nothing by={by} />;
  const gpus = knowsGpus(lines);
  const largest = Math.max(...lines.map((line) => line.micro_dollars));
  return (
    <>
      <Totals sum={sum} by={by} gpus={gpus} />
      <section class="card">
        <div class="scroll">
          <table class="stacked">
            <thead>
              <tr>
                {columnsOf(by, gpus).map(([name, text]) => (
                  <th
                    key={name}
                    aria-sort={name !== column ? "none" : turned === (name === "name") ? "descending" : "ascending"}
                  >
                    <Sorter name={name} text={text} column={column} turned={turned} />
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sorted.map((line) => (
                <Row
                  key={`${line.id} ${line.name}`}
                  line={limited ? line : { ...line, limits: null }}
                  largest={largest}
                  by={by}
                  gpus={gpus}
                />
              ))}
            </tbody>
          </table>
        </div>
        {more && <p class="about">These are the first {count(lines.length)}; choose a project to see its others.</p>}
      </section>
    </>
  );
}

function Sorter(props: { name: Column; text: string; column: Column; turned: boolean }) {
  const mine = props.name === props.column;
  const turn = mine && !props.turned;
  return (
    <button
      type="button"
      class="sorter"
      onClick={() => keep({ sort: props.name === "micro_dollars" ? null : props.name, turned: turn ? "1" : null })}
    >
      {props.text}
      <span aria-hidden="true">{mine ? (props.turned ? " ↑" : " ↓") : ""}</span>
    </button>
  );
}

function Totals({ sum, by, gpus }: { sum: Sum; by: Group; gpus: boolean }) {
  return (
    <Tiles>
      <Tile name="Money" value={money(sum.micro_dollars)} note="for calls of models" />
      <Tile
        name="Tokens"
        value={count(sum.tokens_in + sum.tokens_out)}
        note={`${count(sum.tokens_in)} read, ${count(sum.tokens_out)} written`}
      />
      <Tile
        name="Calls"
        value={count(sum.calls)}
        note={sum.calls === 0 ? "none" : `${count(sum.failed)} failed (${share(sum.failed / sum.calls)})`}
      />
      {by !== "model" && (
        <Tile name="Evaluations" value={count(sum.evaluations)} note="without seeds and verifications" />
      )}
      {by !== "model" && gpus && (
        <Tile name="GPU time" value={gpuTime(sum.gpu_milliseconds)} note="with seeds and verifications" />
      )}
    </Tiles>
  );
}

function Row({ line, largest, by, gpus }: { line: Spent; largest: number; by: Group; gpus: boolean }) {
  const { limits } = line;
  const tokens = line.tokens_in + line.tokens_out;
  return (
    <tr>
      <td class="name">
        <Name line={line} />
      </td>
      <td data-name="Money">
        <Against
          value={money(line.micro_dollars)}
          limit={limits?.micro_dollars}
          used={line.micro_dollars}
          show={money}
          name="Money used"
        />
        {typeof limits?.micro_dollars !== "number" && largest > 0 && (
          <span class="part" aria-hidden="true">
            <i style={{ width: `${(100 * line.micro_dollars) / largest}%` }} />
          </span>
        )}
      </td>
      <td data-name="Tokens">
        <Against value={count(tokens)} limit={limits?.tokens} used={tokens} show={count} name="Tokens used" />
      </td>
      {by !== "model" && (
        <td data-name="Evaluations">
          <Against
            value={count(line.evaluations)}
            limit={limits?.evaluations}
            used={line.evaluations ?? 0}
            show={count}
            name="Evaluations used"
          />
        </td>
      )}
      {by !== "model" && gpus && (
        <td data-name="GPU time">
          <Against
            value={gpuTime(line.gpu_milliseconds)}
            limit={limits?.gpu_milliseconds}
            used={line.gpu_milliseconds ?? 0}
            show={gpuTime}
            name="GPU time used"
          />
        </td>
      )}
      <td data-name="Calls" class="number">
        {count(line.calls)}
      </td>
      <td data-name="Failed" class="number">
        {count(line.failed)}
      </td>
    </tr>
  );
}

function Name({ line }: { line: Spent }) {
  if (line.by === "run" && line.id !== null) {
    return (
      <a href={`/runs/${line.id}`}>
        <span class="number">#{line.id}</span> {visible(line.name)}
      </a>
    );
  }
  return <>{line.by === "person" && line.id === null ? "from the command line" : visible(line.name)}</>;
}

function Against(props: {
  value: string;
  limit: number | null | undefined;
  used: number;
  show: (value: number) => string;
  name: string;
}) {
  const limited = typeof props.limit === "number";
  return (
    <div class="used">
      <span class="number">
        {props.value} {limited && <span class="faint">of {props.show(props.limit as number)}</span>}
      </span>
      {limited && <Bar used={props.used} limit={props.limit as number} name={props.name} />}
    </div>
  );
}

const START = "galapagos remote start circle_packing_26 --seconds 600";
const FILLS: Record<Group, { title: string; text: string; command: string }> = {
  project: {
    title: "Nothing was spent",
    text: "A run spends evaluations, and money where it asks models:",
    command: START,
  },
  person: { title: "Nobody spent anything", text: "A run is booked to whoever starts it:", command: START },
  run: { title: "No run spent anything", text: "Start one of a built-in problem from a terminal:", command: START },
  model: {
    title: "No model was asked",
    text: "Name a model in the file of GALAPAGOS_MODELS, and have a run ask it:",
    command: "galapagos remote start circle_packing_26 --model NAME --budget 1",
  },
};

function Nothing({ by }: { by: Group }) {
  const { title, text, command } = FILLS[by];
  return (
    <section class="card">
      <Empty title={title}>
        <p>{text}</p>
        <Command>{command}</Command>
        {place.value.search.get("days") !== null && (
          <button type="button" class="button" onClick={() => keep({ days: null })}>
            Show what was ever spent
          </button>
        )}
      </Empty>
    </section>
  );
}
