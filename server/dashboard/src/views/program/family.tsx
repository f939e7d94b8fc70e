import { api, type Schemas } from "../../api/client";
import { Card, OperatorName } from "../../parts/small";
import { Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { score, spaced } from "../../words";
import type { Known } from "./program";

const MOST = 12;

/** Where it came from and what came of it. */
export function Family({ known: { run, program } }: { known: Known }) {
  const path = { run: run.id, number: program.number };
  const polled = usePoll(
    `family ${run.id} ${program.number}`,
    async (signal) => {
      const [ancestors, children] = await Promise.all([
        api.get("/api/v1/runs/{run}/programs/{number}/ancestors", { path, query: { limit: MOST }, signal }),
        api.get("/api/v1/runs/{run}/programs/{number}/children", { path, query: { limit: MOST }, signal }),
      ]);
      return { ancestors, children };
    },
    15_000,
  );
  return (
    <Card title="Family" rest={<a href={`/runs/${run.id}/lineage?program=${program.number}`}>In the lineage</a>}>
      <Ready of={polled} waiting={<Loading what="the family" heights={[160]} />}>
        {({ ancestors, children }) => (
          <div class="family">
            <h3>Ancestors</h3>
            <Lines run={run.id} lines={ancestors.items} none="It is the seed program." />
            {ancestors.next !== null && <p class="faint small">and further ones, up to the seed</p>}
            {program.inspirations.length > 0 && (
              <>
                <h3>Inspired by</h3>
                <p>
                  {program.inspirations.map((number) => (
                    <a key={number} class="pair number" href={`/runs/${run.id}/programs/${number}`}>
                      {number}
                    </a>
                  ))}
                </p>
              </>
            )}
            <h3>Children</h3>
            <Lines run={run.id} lines={children.items} none="None yet." />
            {children.next !== null && <p class="faint small">and further ones</p>}
          </div>
        )}
      </Ready>
    </Card>
  );
}

function Lines({ run, lines, none }: { run: number; lines: readonly Schemas["ProgramLine"][]; none: string }) {
  if (lines.length === 0) return <p class="soft">{none}</p>;
  return (
    <table class="family-lines">
      <tbody>
        {lines.map((line) => (
          <tr key={line.number}>
            <td>
              <a class="number" href={`/runs/${run}/programs/${line.number}`}>
                {line.number}
              </a>
            </td>
            <td>
              <OperatorName operator={line.operator} />
            </td>
            <td class="right number">{line.score === null ? spaced(line.verdict ?? "waits") : score(line.score)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
