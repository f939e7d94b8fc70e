import { useMemo, useState } from "preact/hooks";
import { api, type Schemas } from "../../api/client";
import { readPages } from "../../api/pages";
import { Bar, StateBadge } from "../../parts/small";
import { Sparkline } from "../../parts/sparkline";
import { Command, Empty, Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { keep, place } from "../../router";
import { mayAnywhere, session } from "../../session";
import { ago, count, duration, gpuTime, money, rate, score, spaced, visible } from "../../words";
import { useCurves } from "./curves";
import { Health } from "./health";
import { againstKnown, againstSeed } from "./standing";
import "./runs.css";

type Line = Schemas["RunLine"];
const POLL_MS = 4_000;
const PAGE = 50;
const STATES = ["running", "paused", "finishing", "finished"] as const;

/** All runs of the reader's projects. */
export default function Runs() {
  const search = place.value.search;
  const [state, project, text] = [search.get("state"), search.get("project"), search.get("find") ?? ""];
  const [pages, setPages] = useState(1);
  const polled = usePoll(
    `runs ${state} ${project} ${pages}`,
    (signal) => {
      const chosen = {
        ...(STATES.some((one) => one === state) ? { state: state as Line["state"] } : {}),
        ...(project === null ? {} : { project: Number(project) }),
      };
      return readPages(pages, PAGE, (query) => api.get("/api/v1/runs", { query: { ...query, ...chosen }, signal }));
    },
    POLL_MS,
  );
  return (
    <>
      <div class="head">
        <h1>Runs</h1>
        <Filters state={state} project={project} text={text} />
      </div>
      <Health />
      <Ready of={polled} waiting={<Loading what="the runs" heights={[52, 52, 52, 52]} />}>
        {({ lines, more }) => (
          <List
            lines={lines}
            text={text}
            filtered={state !== null || project !== null}
            more={more ? () => setPages(pages + 1) : undefined}
          />
        )}
      </Ready>
    </>
  );
}

function Filters({ state, project, text }: { state: string | null; project: string | null; text: string }) {
  const now = session.value;
  const projects = now.state === "in" ? now.me.memberships : [];
  const chosen = (event: Event) => (event.currentTarget as HTMLSelectElement).value || null;
  return (
    <search class="rest filters">
      <input
        type="search"
        class="input"
        placeholder="Find by title or number"
        aria-label="Find by title or number"
        value={text}
        onInput={(event) => keep({ find: event.currentTarget.value || null })}
      />
      {projects.length > 1 && (
        <select
          class="input"
          aria-label="Project"
          value={project ?? ""}
          onChange={(event) => keep({ project: chosen(event) })}
        >
          <option value="">All projects</option>
          {projects.map((one) => (
            <option key={one.project} value={one.project}>
              {one.name}
            </option>
          ))}
        </select>
      )}
      <select class="input" aria-label="State" value={state ?? ""} onChange={(event) => keep({ state: chosen(event) })}>
        <option value="">Every state</option>
        {STATES.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </search>
  );
}

function fits(line: Line, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return (
    wanted === "" ||
    String(line.id) === wanted.replace(/^#/, "") ||
    `${line.title} ${line.problem}`.toLowerCase().includes(wanted)
  );
}

function List({
  lines,
  text,
  filtered,
  more,
}: {
  lines: readonly Line[];
  text: string;
  filtered: boolean;
  more: (() => void) | undefined;
}) {
  const curves = useCurves(lines);
  const shown = useMemo(() => lines.filter((line) => fits(line, text)), [lines, text]);
  if (shown.length === 0) return lines.length === 0 && !filtered ? <NoRuns /> : <NoneFits />;
  const inspects = mayAnywhere("inspect");
  return (
    <section class="card">
      <div class="scroll">
        <table class="runs stacked">
          <thead>
            <tr>
              <th>Run</th>
              <th>State</th>
              <th>Best score</th>
              <th>Best so far</th>
              <th>Evaluations</th>
              <th>Time</th>
              {inspects && <th>Spent</th>}
            </tr>
          </thead>
          <tbody>
            {shown.map((line) => (
              <Row key={line.id} line={line} curve={curves.get(line.id) ?? []} inspects={inspects} />
            ))}
          </tbody>
        </table>
      </div>
      {more !== undefined && (
        <button type="button" class="button" onClick={more}>
          Show older runs
        </button>
      )}
    </section>
  );
}

function Row({ line, curve, inspects }: { line: Line; curve: readonly Schemas["Record"][]; inspects: boolean }) {
  const known = againstKnown(line);
  return (
    <tr>
      <td class="name">
        <a class="title" href={`/runs/${line.id}`}>
          {visible(line.title)}
        </a>
        <div class="about number">
          #{line.id} · {line.problem} · {ago(Date.parse(line.created_at), Date.now())}
          {!line.score_isolated && " · score not isolated"}
        </div>
      </td>
      <td data-name="State">
        <StateBadge run={line} />
        {line.stop_reason !== null && <div class="about">{spaced(line.stop_reason)}</div>}
      </td>
      <td data-name="Best score">
        <span class="score number">{score(line.best_score)}</span> <span class="soft">{visible(line.unit)}</span>
        <div class="about number">
          {line.verified_score === null ? "not verified yet" : `verified ${score(line.verified_score)}`}
        </div>
      </td>
      <td data-name="Best so far">
        <Sparkline steps={curve} until={line.evaluations} sign={line.direction === "minimize" ? -1 : 1} />
        <div class="about number">
          {againstSeed(line)}
          {known !== null && <span class={known.beaten ? "good" : ""}> · {known.text}</span>}
        </div>
      </td>
      <td data-name="Evaluations">
        <div class="used">
          <span class="number">
            {count(line.evaluations)}{" "}
            {line.limit_evaluations !== null && <span class="faint">of {count(line.limit_evaluations)}</span>}
          </span>
          <Bar used={line.evaluations} limit={line.limit_evaluations} name="Evaluations used" />
          <span class="about number">{line.seconds > 0 && rate(line.evaluations / line.seconds)}</span>
        </div>
      </td>
      <td data-name="Time">
        <div class="used">
          <span class="number">
            {duration(line.seconds)}{" "}
            {line.limit_seconds !== null && <span class="faint">of {duration(line.limit_seconds)}</span>}
          </span>
          <Bar used={line.seconds} limit={line.limit_seconds} name="Time used" />
          {line.gpus > 0 && (
            <>
              <span class="about number">
                {gpuTime(line.gpu_milliseconds)} of GPUs
                {line.limit_gpu_milliseconds !== null && `, of ${gpuTime(line.limit_gpu_milliseconds)}`}
              </span>
              <Bar used={line.gpu_milliseconds} limit={line.limit_gpu_milliseconds} name="GPU time used" />
            </>
          )}
        </div>
      </td>
      {inspects && (
        <td data-name="Spent">
          <div class="used">
            <span class="number">
              {money(line.spent_micro_dollars)}{" "}
              {line.limit_micro_dollars !== null && <span class="faint">of {money(line.limit_micro_dollars)}</span>}
            </span>
            <Bar used={line.spent_micro_dollars ?? 0} limit={line.limit_micro_dollars} name="Money used" />
          </div>
        </td>
      )}
    </tr>
  );
}

function NoRuns() {
  return (
    <section class="card">
      <Empty title="No runs yet">
        <p>A run evolves a problem. Start one of a built-in problem from a terminal, and it will stand here at once:</p>
        <Command>galapagos remote submit circle_packing_26</Command>
        <Command>galapagos remote start circle_packing_26 --seconds 600</Command>
      </Empty>
    </section>
  );
}

function NoneFits() {
  return (
    <section class="card">
      <Empty title="No run is like this">
        <button type="button" class="button" onClick={() => keep({ find: null, state: null, project: null })}>
          Show all runs
        </button>
      </Empty>
    </section>
  );
}
