import type { Schemas } from "../../api/client";
import { LongText } from "../../parts/long_text";
import { Card } from "../../parts/small";
import { duration, gain, NONE, score, spaced, visible } from "../../words";
import type { Stage } from "./judged";
import type { Known } from "./program";
import { spreadOf } from "./spread";

/** What the judge said when the search had it evaluated. */
export function Evaluated({ known: { program } }: { known: Known }) {
  const evaluation = program.evaluation;
  return (
    <Card title="Evaluation">
      {evaluation === null || evaluation.verdict === null ? (
        <p class="soft">The judge has not come to it yet.</p>
      ) : (
        <>
          <Stages stages={evaluation.stages} />
          <Machine of={evaluation} />
        </>
      )}
    </Card>
  );
}

export function Stages({ stages }: { stages: readonly Stage[] }) {
  if (stages.length === 0) return <p class="soft">No stage was run.</p>;
  return (
    <div class="stages">
      {stages.map((stage) => (
        <StageOf key={stage.stage} stage={stage} />
      ))}
    </div>
  );
}

function StageOf({ stage }: { stage: Stage }) {
  const told = stage.feedback !== "" || stage.log_tail !== "";
  return (
    <section class="stage">
      <h3>
        {visible(stage.stage)} {stage.hidden && <span class="badge plain warn">hidden</span>}
        <span class={stage.verdict === "scored" ? "good-word" : "bad-word"}>{spaced(stage.verdict)}</span>
      </h3>
      <dl class="facts number">
        <dt>Score</dt>
        <dd>
          {score(stage.score)} <SamplesOf samples={stage.samples} />
        </dd>
        <dt>Took</dt>
        <dd>
          {duration(stage.duration_s)}, {duration(stage.cpu_s)} of processor, {score(stage.peak_memory_mib, 3)} MiB at
          most
          {stage.gpu_s > 0 && `, a GPU for ${duration(stage.gpu_s)}`}
        </dd>
        {stage.gpu && <DeviceOf use={stage.gpu} />}
        <Numbers name="Metrics" values={stage.metrics} />
        <Numbers name="Features" values={stage.features} />
      </dl>
      {told && (
        <details open={stage.verdict !== "scored"}>
          <summary>What it said</summary>
          {stage.feedback !== "" && <LongText text={stage.feedback} label={`Feedback of stage ${stage.stage}`} />}
          {stage.log_tail !== "" && <LongText text={stage.log_tail} from="end" label={`Log of stage ${stage.stage}`} />}
        </details>
      )}
    </section>
  );
}

/** What a GPU was and how fast it ran, before the stage and after it. */
function DeviceOf({ use }: { use: NonNullable<Stage["gpu"]> }) {
  const { before, after } = use;
  const slowed = after.throttle.filter((reason) => reason !== "idle");
  return (
    <>
      <dt>GPU</dt>
      <dd>
        {visible(after.gpu.model)}, driver {visible(after.gpu.driver)}; {before.sm_clock_mhz ?? "?"} MHz before,{" "}
        {after.sm_clock_mhz ?? "?"} MHz after, {after.sm_clock_max_mhz ?? "?"} MHz at most
        {slowed.length > 0 && `; slowed by ${slowed.map(spaced).join(", ")}`}
      </dd>
    </>
  );
}

function Numbers({ name, values }: { name: string; values: Readonly<Record<string, number>> }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {entries.map(([key, value]) => (
          <span key={key} class="pair">
            <span class="soft">{visible(key)}</span> {score(value)}
          </span>
        ))}
      </dd>
    </>
  );
}

const WIDTH = 120;

/** The repeats of one measurement as dots between the least and the most, with what they differ by. */
export function SamplesOf({ samples }: { samples: readonly number[] }) {
  const spread = spreadOf(samples);
  if (spread === null || spread.count < 2) return null;
  const width = spread.most - spread.least;
  const text = `${spread.count} samples from ${score(spread.least)} to ${score(spread.most)}, standard deviation ${score(spread.deviation, 3)}`;
  return (
    <span class="samples" title={text}>
      <svg width={WIDTH} height={12} viewBox={`0 0 ${WIDTH} 12`} role="img" aria-label={text}>
        <line x1={4} x2={WIDTH - 4} y1={6} y2={6} />
        {samples.slice(0, 500).map((value, at) => (
          <circle
            key={at}
            cx={width === 0 ? WIDTH / 2 : 4 + ((value - spread.least) / width) * (WIDTH - 8)}
            cy={6}
            r={3}
          />
        ))}
      </svg>
      <span class="faint">{width === 0 ? "all equal" : `± ${score(spread.deviation, 3)}`}</span>
    </span>
  );
}

/** Where it ran: scores that are times compare only where this is the same. */
export function Machine({ of }: { of: Schemas["Evaluation"] }) {
  const facts = Object.entries(of.machine ?? {}).filter(([name]) => name !== "tier");
  return (
    <p class="machine small">
      <span class="badge plain">sandbox: {of.tier}</span>
      <span class="soft">
        {facts.length === 0 ? NONE : facts.map(([name, value]) => visible(`${name} ${value}`)).join(" · ")}
      </span>
    </p>
  );
}

export function differenceOf(value: number, of: number): string {
  return value === of ? "equal" : gain(value - of);
}
