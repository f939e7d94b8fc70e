import { api, type Schemas } from "../../api/client";
import { Picture } from "../../parts/picture";
import { Card, OperatorName, Tile, Tiles } from "../../parts/small";
import { Gone, Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { may } from "../../session";
import { count, duration, gain, NONE, score, share, spaced, visible } from "../../words";
import { Actions } from "./actions";
import { Calls } from "./calls";
import { Changes } from "./changes";
import { Family } from "./family";
import type { Verification } from "./judged";
import { Notes } from "./notes";
import { spreadOf } from "./spread";
import { Evaluated } from "./stages";
import { Verifications } from "./verifications";
import "./program.css";

export interface Known {
  run: Schemas["RunDetail"];
  program: Schemas["ProgramDetail"];
  parent: Schemas["ProgramDetail"] | null;
  verifications: readonly Verification[];
}

const POLL_MS = 3_000;
const MOST_VERIFICATIONS = 200;

/** One program: what it is, what it changed, what the judge said of it, where it came from. */
export default function ProgramView({ run, number }: Record<string, string>) {
  const [path, at] = [{ run: Number(run) }, Number(number)];
  const polled = usePoll(
    `program ${run} ${number}`,
    async (signal): Promise<Known> => {
      const program = await api.get("/api/v1/runs/{run}/programs/{number}", { path: { ...path, number: at }, signal });
      const [detail, verifications, parent] = await Promise.all([
        api.get("/api/v1/runs/{run}", { path, signal }),
        api.get("/api/v1/runs/{run}/programs/{number}/verifications", {
          path: { ...path, number: at },
          query: { limit: MOST_VERIFICATIONS },
          signal,
        }),
        program.parent === null
          ? null
          : api.get("/api/v1/runs/{run}/programs/{number}", { path: { ...path, number: program.parent }, signal }),
      ]);
      return { run: detail, program, parent, verifications: verifications.items };
    },
    POLL_MS,
  );
  return (
    <Ready
      of={polled}
      waiting={<Loading what="the program" heights={[44, 92, 420]} />}
      failed={(failure) => (
        <Gone
          what={`Program ${number} of run ${run}`}
          failure={failure}
          again={polled.again}
          back={[
            [`/runs/${run}`, `Run ${run}`],
            ["/", "All runs"],
          ]}
        />
      )}
    >
      {(known) => <Whole known={known} again={polled.again} />}
    </Ready>
  );
}

function Whole({ known, again }: { known: Known; again: () => void }) {
  const { run, program } = known;
  return (
    <>
      <div class="head">
        <div>
          <p class="faint small number">
            <a href="/">Runs</a> / <a href={`/runs/${run.id}`}>#{run.id}</a> {visible(run.title)}
          </p>
          <h1 class="number">Program {program.number}</h1>
        </div>
        <Badges known={known} />
        <Actions known={known} again={again} />
      </div>
      <div class="stack">
        <Standing known={known} />
        <Changes known={known} />
        <div class="columns program-columns">
          <div class="stack">
            <Evaluated known={known} />
            <Pictured known={known} />
            <Notes known={known} />
          </div>
          <div class="stack">
            <Verifications known={known} again={again} />
            <Family known={known} />
          </div>
        </div>
        {may("inspect", run.project) && program.model !== null && <Calls run={run.id} number={program.number} />}
      </div>
    </>
  );
}

function Badges({ known: { run, program } }: { known: Known }) {
  const verdict = program.evaluation?.verdict ?? null;
  return (
    <>
      {verdict === null ? (
        <span class="badge note">{program.evaluation?.state ?? "not evaluated yet"}</span>
      ) : (
        <span class={verdict === "scored" ? "badge good" : "badge bad"}>{spaced(verdict)}</span>
      )}
      {run.champion === program.number && <span class="badge plain good">champion</span>}
      {run.champion !== program.number && run.best === program.number && (
        <span class="badge plain good">best so far</span>
      )}
      {program.banned && <span class="badge bad">banned</span>}
      {program.pinned !== null && <span class="badge note">pinned: parent of {share(program.pinned)}</span>}
    </>
  );
}

function Standing({ known: { run, program, parent, verifications } }: { known: Known }) {
  const own = program.evaluation?.score ?? null;
  const before = parent?.evaluation?.score ?? null;
  const spread = spreadOf(verifications.flatMap((one) => (one.score === null ? [] : [one.score])));
  return (
    <Tiles>
      <Tile
        name={`Score${run.unit === "" ? "" : `, ${visible(run.unit)}`}`}
        value={score(own)}
        note={
          own !== null && before !== null && program.parent !== null
            ? `${gain(own - before)} on its parent`
            : `${run.direction} it`
        }
      />
      <Tile
        name="Verified"
        value={spread === null ? NONE : score(spread.mean)}
        note={spread === null ? "on fresh seeds: not yet" : spreadNote(spread)}
      />
      <Tile
        name="Made by"
        value={<OperatorName operator={program.operator} />}
        note={program.model ?? "without a model"}
      />
      <Tile name="Generation" value={count(program.generation)} note={`island ${program.island}`} />
      <Tile
        name="Evolvable text"
        value={count(program.length)}
        note={`characters, ${count(program.literals)} numeric literals`}
      />
      <Tile
        name="Judged in"
        value={duration(program.duration_s)}
        note={`sandbox: ${program.evaluation?.tier ?? NONE}`}
      />
    </Tiles>
  );
}

function spreadNote(spread: { deviation: number; count: number }): string {
  if (spread.count === 1) return "once";
  return `mean of ${spread.count}, standard deviation ${score(spread.deviation, 3)}`;
}

/** The judge's picture, of the newest verification that has one. */
function Pictured({ known }: { known: Known }) {
  const picture = known.verifications.find((one) => one.picture !== null)?.picture ?? null;
  if (picture === null) return null;
  return (
    <Card title="Picture by the judge">
      <Picture key={picture} svg={picture} about="What the judge drew of this program" />
    </Card>
  );
}
