import { api, type Schemas } from "../../api/client";
import type { LiveRun } from "../../live/run";
import { Card, OperatorName } from "../../parts/small";
import { Ready, Skeleton } from "../../parts/states";
import { type Polled, usePoll } from "../../poll";
import { count, money, score, share, spaced, trimmed } from "../../words";
import { type ModelTally, modelTallies } from "./models";

type Detail = Schemas["RunDetail"];
const POLL_MS = 4_000;

/** What became of the run's proposals; asked again until the whole log is counted. */
export function useCounts(detail: Detail): Polled<Schemas["RunCounts"]> {
  const rests = detail.state === "finished";
  return usePoll(
    `counts ${detail.id} ${rests ? detail.as_of_event : "live"}`,
    async (signal) => {
      let found: Schemas["RunCounts"];
      do found = await api.get("/api/v1/runs/{run}/counts", { path: { run: detail.id }, signal });
      while (found.as_of_event < found.newest_event && !signal.aborted);
      return found;
    },
    rests ? 0 : POLL_MS,
  );
}

/** What the run spent, by model and by operator; null for who may not know. */
export function useSpend(detail: Detail, inspects: boolean): Polled<Schemas["Spend"] | null> {
  const rests = detail.state === "finished";
  return usePoll(
    `spend ${detail.id} ${rests} ${inspects}`,
    async (signal) =>
      inspects ? await api.get("/api/v1/runs/{run}/spend", { path: { run: detail.id }, signal }) : null,
    rests || !inspects ? 0 : POLL_MS,
  );
}

/** How each operator fares, and what its calls of models cost. */
export function Makers({ counts, spend }: { counts: Polled<Schemas["RunCounts"]>; spend: Schemas["Spend"] | null }) {
  const costs = new Map((spend?.operators ?? []).map((one) => [one.operator, one.cost_micro_dollars]));
  return (
    <Card title="Operators">
      <Ready of={counts} waiting={<Skeleton height={140} />}>
        {({ operators }) => (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Operator</th>
                  <th class="right">Asked</th>
                  <th class="right">Refused</th>
                  <th class="right">Scored</th>
                  <th class="right" title="than the parent">
                    Better
                  </th>
                  {costs.size > 0 && <th class="right">Cost</th>}
                </tr>
              </thead>
              <tbody>
                {operators
                  .filter((one) => one.asked > 0)
                  .map((one) => (
                    <tr key={one.operator}>
                      <td>
                        <OperatorName operator={one.operator} />
                      </td>
                      <td class="right">{count(one.asked)}</td>
                      <td class="right">{share(one.refused / one.asked)}</td>
                      <td class="right">{share(one.scored / one.evaluated)}</td>
                      <td class="right">
                        {count(one.improved)} <span class="faint">({share(one.improved / one.evaluated)})</span>
                      </td>
                      {costs.size > 0 && <td class="right">{money(costs.get(one.operator) ?? null)}</td>}
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
        )}
      </Ready>
    </Card>
  );
}

/** Verdicts of what was evaluated, and why proposals were refused. */
export function Outcomes({ counts }: { counts: Polled<Schemas["RunCounts"]> }) {
  return (
    <Card title="Verdicts and refusals">
      <Ready of={counts} waiting={<Skeleton height={140} />}>
        {({ verdicts, refusals, operators }) => (
          <div class="stack">
            <Shares
              parts={verdicts}
              tone={(name) => (name === "scored" ? "" : "bad")}
              none="Nothing was evaluated yet."
            />
            <h3>
              Refused before they were evaluated:{" "}
              <span class="faint number">
                {share(total(operators, "refused") / total(operators, "asked"))} of all that was asked for
              </span>
            </h3>
            <Shares parts={refusals} tone={() => "warn"} none="Nothing was refused." />
          </div>
        )}
      </Ready>
    </Card>
  );
}

function total(operators: readonly Schemas["OperatorCounts"][], what: "asked" | "refused"): number {
  return operators.reduce((sum, one) => sum + one[what], 0);
}

function Shares({
  parts,
  tone,
  none,
}: {
  parts: Record<string, number | undefined>;
  tone: (name: string) => string;
  none: string;
}) {
  const rows = Object.entries(parts).map(([name, times]) => ({ name, times: times ?? 0 }));
  rows.sort((a, b) => b.times - a.times);
  const all = rows.reduce((sum, row) => sum + row.times, 0);
  if (all === 0) return <p class="soft">{none}</p>;
  return (
    <ul class="shares">
      {rows.map(({ name, times }) => (
        <li key={name}>
          <span>{spaced(name)}</span>
          <span class={`bar ${tone(name)}`}>
            <i style={{ width: `${(100 * times) / all}%` }} />
          </span>
          <span class="of">
            {count(times)} <span class="faint">({share(times / all)})</span>
          </span>
        </li>
      ))}
    </ul>
  );
}

/** What each model costs, and what its children are worth. */
export function Spending({ live, spend }: { live: LiveRun; spend: Polled<Schemas["Spend"] | null> }) {
  return (
    <Card title="Models">
      <Ready of={spend} waiting={<Skeleton height={140} />}>
        {(found) => {
          const { models = [], money: account } = found ?? {};
          const tallies = modelTallies(live.admissions);
          return account === undefined || models.length === 0 ? (
            <p class="soft">No model was asked: the children of this run come from mutation and tuning.</p>
          ) : (
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th>Model</th>
                    <th class="right">Calls</th>
                    <th class="right">Failed</th>
                    <th class="right">Scored</th>
                    <th class="right">Better</th>
                    <th class="right">Mean time</th>
                    <th class="right">Cost</th>
                    <th class="right">for one better</th>
                  </tr>
                </thead>
                <tbody>
                  {models.map((one) => (
                    <ModelRow key={one.model} spend={one} tally={tallies.get(one.model)} />
                  ))}
                </tbody>
              </table>
            </div>
          );
        }}
      </Ready>
    </Card>
  );
}

function ModelRow({ spend, tally }: { spend: Schemas["ModelSpend"]; tally: ModelTally | undefined }) {
  const { scored, improved, evaluated } = tally ?? { scored: 0, improved: 0, evaluated: 0 };
  return (
    <tr>
      <td>{spend.model}</td>
      <td class="right">{count(spend.calls)}</td>
      <td class="right">{share(spend.failed / spend.calls)}</td>
      <td class="right">{share(scored / evaluated)}</td>
      <td class="right">
        {count(improved)} <span class="faint">({share(improved / evaluated)})</span>
      </td>
      <td class="right">{spend.mean_latency_s === null ? "–" : `${trimmed(score(spend.mean_latency_s, 3))} s`}</td>
      <td class="right">{money(spend.cost_micro_dollars)}</td>
      <td class="right">{improved === 0 ? "–" : money(spend.cost_micro_dollars / improved)}</td>
    </tr>
  );
}
