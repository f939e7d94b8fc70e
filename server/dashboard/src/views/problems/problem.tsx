import { useState } from "preact/hooks";
import { api, Failure, type Schemas } from "../../api/client";
import { LongText } from "../../parts/long_text";
import { Card, StateBadge, Tile, Tiles } from "../../parts/small";
import { Empty, Gone, Loading, Ready } from "../../parts/states";
import { toast } from "../../parts/toasts";
import { usePoll } from "../../poll";
import { may, session } from "../../session";
import { ago, count, duration, score, trimmed, visible } from "../../words";
import { againstKnown, againstSeed } from "../runs/standing";
import { inWords } from "./definition";
import { Files } from "./files";
import { justSent } from "./just_sent";
import { seedCheck } from "./seed_check";
import { StartForm } from "./start_form";
import { UploadedCard } from "./uploaded";
import "./problems.css";

type Detail = Schemas["ProblemDetail"];
type Line = Schemas["RunLine"];
const POLL_MS = 4_000;
const RUNS = 100;
const SHOWN = 10;
/** Characters of a statement from which on it is shown in parts. */
const LONG = 20_000;

/** One revision of a problem: what is to be found, how it is judged, and what runs came to. */
export default function Problem({ revision = "" }: Record<string, string>) {
  const polled = usePoll(
    `problem ${revision}`,
    (signal) => api.get("/api/v1/problems/{revision}", { path: { revision }, signal }),
    0,
  );
  const runs = usePoll(
    `runs of ${revision}`,
    (signal) => api.get("/api/v1/runs", { query: { problem: revision, limit: RUNS }, signal }),
    POLL_MS,
  );
  return (
    <Ready
      of={polled}
      waiting={<Loading what="the problem" heights={[40, 90, 240]} />}
      failed={(failure) => (
        <Gone
          what={`Problem ${revision.slice(0, 12)}`}
          failure={failure}
          again={polled.again}
          back={[["/problems", "All problems"]]}
        />
      )}
    >
      {(detail) => <Shown detail={detail} runs={runs.data?.items} again={runs.again} />}
    </Ready>
  );
}

function Shown({ detail, runs, again }: { detail: Detail; runs: readonly Line[] | undefined; again: () => void }) {
  const { definition, revision } = detail;
  const sent = justSent.value;
  return (
    <div class="stack problem">
      <Head detail={detail} started={again} />
      {sent !== null && sent.revision === revision && (
        <UploadedCard uploaded={sent} close={() => (justSent.value = null)} />
      )}
      <Standing definition={definition} runs={runs ?? []} />
      <Card title="Statement">
        <Statement text={definition.statement.trim()} />
      </Card>
      <BestRuns runs={runs} />
      <div class="columns">
        <Card title="How it is judged">
          <dl class="words">
            {inWords(definition).map(([name, text]) => [
              <dt key={name}>{visible(name)}</dt>,
              <dd key={`${name}=`}>{visible(text)}</dd>,
            ])}
          </dl>
        </Card>
        <div class="stack">
          <Known known={definition.known} unit={definition.score.unit} />
          <Files
            revision={revision}
            definition={definition}
            files={detail.files}
            inspects={detail.projects.some((project) => may("inspect", project))}
          />
        </div>
      </div>
    </div>
  );
}

function Statement({ text }: { text: string }) {
  if (text.length > LONG) return <LongText text={text} label="Statement of the problem" />;
  return <p class="statement">{visible(text)}</p>;
}

function Head({ detail, started }: { detail: Detail; started: () => void }) {
  const [starting, setStarting] = useState(false);
  const [busy, setBusy] = useState(false);
  const now = session.value;
  const memberships = now.state === "in" ? now.me.memberships : [];
  const projects = detail.projects
    .filter((project) => may("submit", project))
    .map(
      (project) => [project, memberships.find((one) => one.project === project)?.name ?? `project ${project}`] as const,
    );
  const check = () => {
    const project = projects[0]?.[0] ?? 1;
    setBusy(true);
    startCheck(detail.revision, project, detail.definition.language)
      .then(
        (run) => toast(`Run ${run} judges the seed; what comes of it stands below.`),
        (error: unknown) => {
          if (!(error instanceof Failure)) throw error;
          toast(error.message, { bad: true });
        },
      )
      .finally(() => {
        setBusy(false);
        started();
      });
  };
  return (
    <div class="head">
      <div>
        <h1>{visible(detail.definition.title)}</h1>
        <p class="about">
          {detail.definition.name} · submitted {ago(Date.parse(detail.created_at), Date.now())} ·{" "}
          <span class="number" title={detail.revision}>
            revision {detail.revision.slice(0, 10)}
          </span>
        </p>
      </div>
      {projects.length > 0 && (
        <div class="rest">
          <button type="button" class="button" disabled={busy} onClick={check}>
            Check the seed
          </button>
          <button type="button" class="button first" onClick={() => setStarting(true)}>
            Start a run
          </button>
        </div>
      )}
      {starting && (
        <StartForm
          revision={detail.revision}
          projects={projects}
          gpus={detail.definition.stages.some((stage) => (stage.gpus ?? 0) > 0)}
          close={() => setStarting(false)}
        />
      )}
    </div>
  );
}

/** Judges the seed, and one child: the smallest run that there is. */
async function startCheck(revision: string, project: number, language: string): Promise<number> {
  // Programs in other languages are changed by models alone: then a run has to name one.
  const alone = ["python", "c", "cpp"].includes(language);
  const models = alone ? [] : (await api.get("/api/v1/models", { query: { project } })).items.slice(0, 1);
  const config = { budget: { evaluations: 1 }, models: models.map(({ name }) => ({ name })) };
  const body = { problem: revision, project, config } as unknown as Schemas["RunRequest"];
  return (await api.post("/api/v1/runs", { body })).id;
}

function Standing({ definition, runs }: { definition: Schemas["Definition"]; runs: readonly Line[] }) {
  const [first] = ranked(runs);
  const known = first === undefined ? null : againstKnown(first);
  const sign = definition.score.direction === "minimize" ? -1 : 1;
  const best = [...definition.known].sort((one, other) => sign * (other.value - one.value))[0];
  const seed = seedCheck(runs);
  return (
    <Tiles>
      <Tile
        name="Best here"
        value={score(first?.best_score)}
        note={first === undefined ? "no score yet" : (known?.text ?? againstSeed(first))}
      />
      <Tile
        name="Best known"
        value={trimmed(score(best?.value))}
        note={best === undefined ? "none is named" : visible(best.name)}
      />
      <Tile name="The seed" value={seed.value} note={seed.note} />
      <Tile
        name="Runs"
        value={runs.length < RUNS ? count(runs.length) : `${RUNS} or more`}
        note={isolated(definition)}
      />
    </Tiles>
  );
}

function isolated(definition: Schemas["Definition"]): string {
  return definition.peer === null || definition.peer === undefined ? "score isolated" : "score not isolated";
}

/** Runs that have a score, the best first. */
function ranked(runs: readonly Line[]): Line[] {
  const value = (run: Line) => (run.direction === "minimize" ? -1 : 1) * (run.best_score ?? 0);
  return runs.filter((run) => run.best_score !== null).sort((one, other) => value(other) - value(one));
}

function BestRuns({ runs }: { runs: readonly Line[] | undefined }) {
  if (runs === undefined) return <Loading what="its runs" heights={[120]} />;
  const best = ranked(runs).slice(0, SHOWN);
  const failed = runs.filter((run) => run.best_score === null).slice(0, SHOWN - best.length);
  return (
    <Card title="Best runs">
      {runs.length === 0 ? (
        <Empty title="No run yet">A run of this problem, once somebody starts it, will stand here.</Empty>
      ) : (
        <div class="scroll">
          <table class="stacked">
            <thead>
              <tr>
                <th>Run</th>
                <th>State</th>
                <th>Best score</th>
                <th>Verified</th>
                <th>Seed</th>
                <th>Evaluations</th>
                <th>Time</th>
              </tr>
            </thead>
            <tbody>
              {[...best, ...failed].map((run) => (
                <tr key={run.id}>
                  <td data-name="Run">
                    <a class="number" href={`/runs/${run.id}`}>
                      #{run.id}
                    </a>
                  </td>
                  <td data-name="State">
                    <StateBadge run={run} />
                  </td>
                  <td data-name="Best score" class="number">
                    {score(run.best_score)} <span class="soft">{visible(run.unit)}</span>
                  </td>
                  <td data-name="Verified" class="number">
                    {score(run.verified_score)}
                  </td>
                  <td data-name="Seed" class="number">
                    {score(run.seed_score)}
                  </td>
                  <td data-name="Evaluations" class="number">
                    {count(run.evaluations)}
                  </td>
                  <td data-name="Time" class="number">
                    {duration(run.seconds)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Known({ known, unit }: { known: Schemas["Definition"]["known"]; unit: string }) {
  if (known.length === 0) return null;
  return (
    <Card title="Known values">
      <div class="scroll">
        <table>
          <tbody>
            {known.map((one) => (
              <tr key={one.name}>
                <td class="wide">
                  {visible(one.name)}
                  <div class="about">
                    {visible(one.source)}
                    {one.date !== "" && `, ${visible(one.date)}`}
                    {one.recomputed && " · recomputed here"}
                  </div>
                </td>
                <td class="number right value">
                  {trimmed(score(one.value))} <span class="soft">{visible(unit)}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
