import { useState } from "preact/hooks";
import { api, type Schemas } from "../../api/client";
import { readPages } from "../../api/pages";
import { Command, Empty, Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { keep, place } from "../../router";
import { mayAnywhere, session } from "../../session";
import { ago, count, score, trimmed, visible } from "../../words";
import { againstKnown } from "../runs/standing";
import "./problems.css";

type Line = Schemas["ProblemLine"];
const POLL_MS = 15_000;
const PAGE = 50;

/** All problems of the reader's projects. */
export default function Problems() {
  const [pages, setPages] = useState(1);
  const text = place.value.search.get("find") ?? "";
  const polled = usePoll(
    `problems ${pages}`,
    (signal) => readPages(pages, PAGE, (query) => api.get("/api/v1/problems", { query, signal })),
    POLL_MS,
  );
  return (
    <>
      <div class="head">
        <h1>Problems</h1>
        <search class="rest">
          <input
            type="search"
            class="input find"
            placeholder="Find by title or name"
            aria-label="Find by title or name"
            value={text}
            onInput={(event) => keep({ find: event.currentTarget.value || null })}
          />
          {mayAnywhere("submit") && (
            <a class="button first" href="/problems/new">
              Submit a problem
            </a>
          )}
        </search>
      </div>
      <Ready of={polled} waiting={<Loading what="the problems" heights={[52, 52, 52]} />}>
        {({ lines, more }) => <List lines={lines} text={text} more={more ? () => setPages(pages + 1) : undefined} />}
      </Ready>
    </>
  );
}

function fits(line: Line, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return `${line.title} ${line.name}`.toLowerCase().includes(wanted) || line.revision.startsWith(wanted);
}

function List({ lines, text, more }: { lines: readonly Line[]; text: string; more: (() => void) | undefined }) {
  if (lines.length === 0) return <NoProblems />;
  const shown = lines.filter((line) => fits(line, text));
  if (shown.length === 0) {
    return (
      <section class="card">
        <Empty title="No problem is like this">
          <button type="button" class="button" onClick={() => keep({ find: null })}>
            Show all problems
          </button>
        </Empty>
      </section>
    );
  }
  // The first of a name is the newest: a run that names no revision gets it.
  const newest = new Map([...lines].reverse().map((line) => [`${line.project} ${line.name}`, line.revision]));
  return (
    <section class="card">
      <div class="scroll">
        <table class="problems stacked">
          <thead>
            <tr>
              <th>Problem</th>
              <th>Best known</th>
              <th>Best here</th>
              <th>Runs</th>
              <th>Submitted</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((line) => (
              <Row
                key={`${line.project} ${line.revision}`}
                line={line}
                old={newest.get(`${line.project} ${line.name}`) !== line.revision}
              />
            ))}
          </tbody>
        </table>
      </div>
      {more !== undefined && (
        <button type="button" class="button" onClick={more}>
          Show older problems
        </button>
      )}
    </section>
  );
}

function Row({ line, old }: { line: Line; old: boolean }) {
  const known = againstKnown({ ...line, seed_score: null });
  return (
    <tr>
      <td class="name">
        <a class="title" href={`/problems/${line.revision}`}>
          {visible(line.title)}
        </a>
        <div class="about">
          {line.name} · <span class="number">{line.revision.slice(0, 10)}</span>
          {old && " · an older revision"}
          {project(line.project)}
        </div>
      </td>
      <td data-name="Best known">
        <span class="number">{trimmed(score(line.best_known))}</span> <span class="soft">{visible(line.unit)}</span>
        <div class="about">{line.direction === "minimize" ? "less is better" : "more is better"}</div>
      </td>
      <td data-name="Best here">
        {line.best_run === null ? (
          <span class="faint">no score yet</span>
        ) : (
          <>
            <span class="score number">{score(line.best_score)}</span>{" "}
            <a class="number" href={`/runs/${line.best_run}`}>
              run {line.best_run}
            </a>
            {known !== null && <div class={known.beaten ? "about good" : "about"}>{known.text}</div>}
          </>
        )}
      </td>
      <td data-name="Runs" class="number">
        {count(line.runs)}
      </td>
      <td data-name="Submitted" class="number soft">
        {ago(Date.parse(line.created_at), Date.now())}
      </td>
    </tr>
  );
}

function project(id: number): string {
  const now = session.value;
  if (now.state !== "in" || now.me.memberships.length < 2) return "";
  const found = now.me.memberships.find((one) => one.project === id);
  return ` · ${found === undefined ? `project ${id}` : visible(found.name)}`;
}

function NoProblems() {
  return (
    <section class="card">
      <Empty title="No problems yet">
        <p>A problem is a folder: a program to begin with, a judge that scores programs, and what is to be found.</p>
        {mayAnywhere("submit") && (
          <a class="button first" href="/problems/new">
            Submit a problem
          </a>
        )}
        <p>Or send a built-in one from a terminal:</p>
        <Command>galapagos remote submit circle_packing_26</Command>
      </Empty>
    </section>
  );
}
