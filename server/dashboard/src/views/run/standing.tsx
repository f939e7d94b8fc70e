import { api, type Schemas } from "../../api/client";
import { OPERATORS } from "../../live/admissions";
import type { LiveRun } from "../../live/run";
import { Bar, Tile, Tiles } from "../../parts/small";
import { usePoll } from "../../poll";
import { may } from "../../session";
import { count, duration, gain, gpuTime, money, rate, score, visible } from "../../words";
import { againstKnown, againstSeed } from "../runs/standing";
import { gainedLately, lastGain } from "./gains";

type Detail = Schemas["RunDetail"];

/** The numbers of a run that answer most questions: how good, whether it can be trusted, how far, how fast, at what cost. */
export function Standing({ live, detail }: { live: LiveRun; detail: Detail }) {
  const evaluations = Math.max(detail.evaluations, live.version.value >= 0 ? live.admissions.length : 0);
  const known = againstKnown(detail);
  return (
    <Tiles>
      <Tile
        name="Best score"
        value={<Program run={detail.id} number={detail.best} value={score(detail.best_score)} />}
        note={`${detail.unit === "" ? "" : `${visible(detail.unit)}, `}${againstSeed(detail)}`}
      />
      <Verified detail={detail} />
      {known !== null && (
        <Tile
          name="Best known"
          value={score(detail.best_known)}
          note={<span class={known.beaten ? "good" : ""}>{known.text}</span>}
        />
      )}
      <LastGain live={live} detail={detail} />
      <Tile
        name="Evaluations"
        value={
          <>
            {count(evaluations)}
            {detail.limit_evaluations !== null && (
              <>
                {" "}
                <span class="faint small">of {count(detail.limit_evaluations)}</span>
              </>
            )}
            <Bar used={evaluations} limit={detail.limit_evaluations} name="Evaluations used" />
          </>
        }
        note={lately(live)}
      />
      <Tile
        name="Active time"
        value={
          <>
            {duration(detail.seconds)}
            {detail.limit_seconds !== null && (
              <>
                {" "}
                <span class="faint small">of {duration(detail.limit_seconds)}</span>
              </>
            )}
            <Bar used={detail.seconds} limit={detail.limit_seconds} name="Time used" />
          </>
        }
        note={
          detail.state === "running"
            ? `${rate(detail.rate)} over the last minute`
            : `${rate(detail.evaluations / Math.max(detail.seconds, 1))} on average`
        }
      />
      {detail.gpus > 0 && (
        <Tile
          name="GPU time"
          value={
            <>
              {gpuTime(detail.gpu_milliseconds)}
              {detail.limit_gpu_milliseconds !== null && (
                <>
                  {" "}
                  <span class="faint small">of {gpuTime(detail.limit_gpu_milliseconds)}</span>
                </>
              )}
              <Bar used={detail.gpu_milliseconds} limit={detail.limit_gpu_milliseconds} name="GPU time used" />
            </>
          }
          note="held by evaluations"
        />
      )}
      {detail.money !== null && <Spent spent={detail.money} />}
    </Tiles>
  );
}

function Program({ run, number, value }: { run: number; number: number | null; value: string }) {
  return <a href={number === null ? undefined : `/runs/${run}/programs/${number}`}>{value}</a>;
}

/** The newest rise of the best score: how much, by what, how long ago. */
function LastGain({ live, detail }: { live: LiveRun; detail: Detail }) {
  const { admissions } = live;
  const found = live.version.value >= 0 ? lastGain(admissions) : null;
  if (found === null) return <Tile name="Last gain" value={score(null)} note="nothing scored yet" />;
  const model = admissions.models.name(admissions.model.at(found.at));
  const by = OPERATORS[admissions.operator.at(found.at)] ?? "seed";
  const value = found.gained === null ? "the seed" : gain(found.gained);
  return (
    <Tile
      name="Last gain"
      title="The newest one that is at least a thousandth of all that the run gained"
      value={<Program run={detail.id} number={admissions.number.at(found.at)} value={value} />}
      note={`by ${by}${model === null ? "" : ` of ${model}`}, ${found.since === 0 ? "just now" : `${count(found.since)} evaluations ago`}`}
    />
  );
}

function lately(live: LiveRun): string {
  const gained = live.version.value >= 0 ? gainedLately(live.admissions) : null;
  if (gained === null) return "";
  return `${gained === 0 ? "no gain" : gain(gained)} in the last tenth`;
}

/** The verified score, and what the hidden stages say of the same program, for who may inspect. */
function Verified({ detail }: { detail: Detail }) {
  const number = detail.champion ?? detail.verified;
  const inspects = may("inspect", detail.project);
  const program = usePoll(
    `verified ${detail.id} ${number} ${inspects}`,
    async (signal) =>
      number === null || !inspects
        ? null
        : await api.get("/api/v1/runs/{run}/programs/{number}", { path: { run: detail.id, number }, signal }),
    0,
  );
  const hidden = program.data?.verification?.stages.filter((stage) => stage.hidden) ?? [];
  const note = hidden
    .map((stage) => `hidden ${stage.stage}: ${stage.score === null ? stage.verdict : score(stage.score)}`)
    .join(", ");
  return (
    <Tile
      name="Verified score"
      title="The best, measured again in a fresh sandbox on fresh seeds: the one to quote"
      value={<Program run={detail.id} number={number} value={score(detail.verified_score)} />}
      note={number === null ? "nothing verified yet" : note === "" ? `program ${number}, on fresh seeds` : note}
    />
  );
}

function Spent({ spent }: { spent: Schemas["Money"] }) {
  const used = spent.spent_micro_dollars + spent.reserved_micro_dollars;
  return (
    <Tile
      name="Spent"
      value={
        <>
          {money(spent.spent_micro_dollars)}
          {spent.limit_micro_dollars !== null && (
            <>
              {" "}
              <span class="faint small">of {money(spent.limit_micro_dollars)}</span>
            </>
          )}
          <Bar used={used} limit={spent.limit_micro_dollars} name="Money used" />
        </>
      }
      note={`${count(spent.tokens_in + spent.tokens_out)} tokens${spent.reserved_micro_dollars > 0 ? `, and ${money(spent.reserved_micro_dollars)} under way` : ""}`}
    />
  );
}
