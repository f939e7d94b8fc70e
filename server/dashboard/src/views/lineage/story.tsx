import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { Difference } from "../../code/source";
import { OPERATORS } from "../../live/admissions";
import type { LiveRun } from "../../live/run";
import { Card, OperatorName } from "../../parts/small";
import { Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { count, duration, gain, score, share } from "../../words";
import { type Step, storyOf } from "./layout";

/** The way from the seed to the best: which change brought how much, the newest first. */
export function Story(props: { run: number; live: LiveRun; path: readonly number[]; goal: number; isBest: boolean }) {
  const { run, live, path, goal, isBest } = props;
  const steps = storyOf(live.admissions, path);
  const total = steps.reduce((sum, step) => sum + step.gain, 0);
  const [open, setOpen] = useState<number | null>(null);
  return (
    <Card
      title={isBest ? `From the seed to the best, program ${goal}` : `From the seed to program ${goal}`}
      rest={
        <span class="soft number">
          {count(path.length - 1)} steps, {count(steps.length)} of them gained
        </span>
      }
    >
      {steps.length === 0 ? (
        <p class="soft">Nothing on this path is better than the seed.</p>
      ) : (
        <ol class="story">
          {steps
            .slice()
            .reverse()
            .map((step) => (
              <OneStep
                key={step.place}
                run={run}
                live={live}
                step={step}
                total={total}
                open={open === step.place}
                toggle={() => setOpen(open === step.place ? null : step.place)}
              />
            ))}
        </ol>
      )}
    </Card>
  );
}

function OneStep(props: { run: number; live: LiveRun; step: Step; total: number; open: boolean; toggle: () => void }) {
  const { run, live, step, total, open, toggle } = props;
  const { admissions } = live;
  const number = admissions.number.at(step.place);
  const model = admissions.models.name(admissions.model.at(step.place));
  return (
    <li class={step.largest ? "largest" : ""}>
      <div class="story-step">
        <span class="story-gain number">{gain(admissions.sign * step.gain)}</span>
        <span class="story-bar" aria-hidden="true">
          <i style={{ width: `${Math.max(2, (100 * step.gain) / total)}%` }} />
        </span>
        <span class="story-who number">
          <a href={`/runs/${run}/programs/${number}`}>{count(number)}</a>{" "}
          <OperatorName operator={OPERATORS[admissions.operator.at(step.place)] ?? "seed"} /> {model}
          {step.largest && <span class="badge plain good">largest gain</span>}
          {step.last && <span class="badge plain note">last gain</span>}
          <span class="faint small">
            {" "}
            to {score(admissions.score.at(step.place))}, {share(step.gain / total)} of all, after{" "}
            {duration(admissions.seconds.at(step.place))}
            {step.without > 0 && `, after ${count(step.without)} ${step.without === 1 ? "step" : "steps"} without gain`}
          </span>
        </span>
        <button type="button" class="button quiet" aria-expanded={open} onClick={toggle}>
          {open ? "Hide" : "What changed"}
        </button>
      </div>
      {open && <Changed run={run} number={number} parent={admissions.parent.at(step.place)} />}
    </li>
  );
}

function Changed({ run, number, parent }: { run: number; number: number; parent: number }) {
  const polled = usePoll(
    `changed ${run} ${number}`,
    (signal) =>
      Promise.all(
        [parent, number].map((one) =>
          api.get("/api/v1/runs/{run}/programs/{number}", { path: { run, number: one }, signal }),
        ),
      ),
    0,
  );
  return (
    <Ready of={polled} waiting={<Loading what="what changed" heights={[120]} />}>
      {([before, after]) => <Difference before={before?.files ?? {}} after={after?.files ?? {}} beside={false} />}
    </Ready>
  );
}
