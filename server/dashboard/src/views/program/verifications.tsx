import { useState } from "preact/hooks";
import { api, type Failure } from "../../api/client";
import { Card } from "../../parts/small";
import { toast } from "../../parts/toasts";
import { may } from "../../session";
import { ago, duration, moment, score, spaced, visible } from "../../words";
import type { Verification } from "./judged";
import type { Known } from "./program";
import { spreadOf } from "./spread";
import { differenceOf, Machine, SamplesOf, Stages } from "./stages";

/** All verifications, with their spread: whether the score can be trusted. */
export function Verifications({ known, again }: { known: Known; again: () => void }) {
  const { run, program, verifications } = known;
  const searched = program.evaluation?.score ?? null;
  const scores = verifications.flatMap((one) => (one.score === null ? [] : [one.score]));
  const mayAsk = may("steer", run.project) && run.state === "running" && searched !== null && !program.banned;
  return (
    <Card title="Verifications" rest={mayAsk && <AskAgain known={known} again={again} />}>
      {verifications.length === 0 ? (
        <p class="soft">
          It was not verified yet: a verification runs it anew, in a fresh sandbox and on seeds that the search never
          saw.
        </p>
      ) : (
        <>
          {scores.length > 1 && (
            <p class="number spread-line">
              <SamplesOf samples={scores} /> {spreadText(scores)}
            </p>
          )}
          <ol class="verifications">
            {verifications.map((one) => (
              <One key={one.series} one={one} searched={searched} />
            ))}
          </ol>
        </>
      )}
    </Card>
  );
}

function spreadText(scores: readonly number[]): string {
  const spread = spreadOf(scores);
  if (spread === null) return "";
  return `mean ${score(spread.mean)}, from ${score(spread.least)} to ${score(spread.most)}`;
}

function One({ one, searched }: { one: Verification; searched: number | null }) {
  const waits = one.state === "queued" || one.state === "leased";
  return (
    <li>
      <details>
        <summary class="number">
          <span class="faint">#{one.series + 1}</span>{" "}
          {waits ? (
            <span class="badge note alive">{one.state === "queued" ? "waits for an evaluator" : "is running"}</span>
          ) : (
            <>
              <strong class={one.score === null ? "bad-word" : ""}>
                {one.score === null ? spaced(one.verdict ?? one.state) : score(one.score)}
              </strong>
              {one.score !== null && searched !== null && (
                <span class="soft"> {differenceOf(one.score, searched)} against the search</span>
              )}
            </>
          )}
          {one.finished_at !== null && (
            <span class="faint" title={moment(one.finished_at)}>
              {" "}
              · {ago(Date.parse(one.finished_at), Date.now())}
              {one.duration_s !== null && `, in ${duration(one.duration_s)}`}
            </span>
          )}
        </summary>
        {one.host_fault !== null && <p class="bad-word">{visible(one.host_fault)}</p>}
        <Stages stages={one.stages} />
        <Machine of={one} />
      </details>
    </li>
  );
}

function AskAgain({ known: { run, program }, again }: { known: Known; again: () => void }) {
  const [busy, setBusy] = useState(false);
  const ask = () => {
    setBusy(true);
    api
      .post("/api/v1/runs/{run}/commands", {
        path: { run: run.id },
        body: { kind: "verify_program", program: program.number },
      })
      .then(
        () => toast(`Program ${program.number} will be verified again, on fresh seeds.`),
        (failure: Failure) => toast(failure.message, { bad: true }),
      )
      .finally(() => {
        setBusy(false);
        setTimeout(again, 600);
      });
  };
  return (
    <button type="button" class="button" disabled={busy} onClick={ask}>
      Verify again
    </button>
  );
}
