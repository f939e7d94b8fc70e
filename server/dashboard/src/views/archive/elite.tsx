import { OPERATORS, unpackedCell } from "../../live/admissions";
import type { LiveRun } from "../../live/run";
import { OperatorName } from "../../parts/small";
import { count, duration, gain, score } from "../../words";
import type { Axis } from "./axes";
import { rangeText } from "./heat";

/** What lives in the chosen cell. */
export function Elite(props: { run: number; place: number | undefined; live: LiveRun; axes: readonly Axis[] }) {
  const { run, place, live, axes } = props;
  if (place === undefined) {
    return (
      <aside class="elite soft" aria-live="polite">
        Choose a filled cell to see what lives in it.
      </aside>
    );
  }
  const { admissions } = live;
  const number = admissions.number.at(place);
  const parent = admissions.parent.at(place);
  const own = admissions.score.at(place);
  const before = admissions.scoreOf(parent);
  const cell = unpackedCell(admissions.cell.at(place), axes.length);
  return (
    <aside class="elite" aria-live="polite">
      <h3 class="number">
        <a href={`/runs/${run}/programs/${number}`}>Program {count(number)}</a>
      </h3>
      <p class="elite-score number">{score(own)}</p>
      <dl class="facts number small">
        <dt>Made by</dt>
        <dd>
          <OperatorName operator={OPERATORS[admissions.operator.at(place)] ?? "seed"} />{" "}
          {admissions.models.name(admissions.model.at(place))}
        </dd>
        <dt>Parent</dt>
        <dd>
          {parent < 0 ? (
            "none: the seed"
          ) : (
            <>
              <a href={`/runs/${run}/programs/${parent}`}>{count(parent)}</a>
              {!Number.isNaN(before) && <span class="soft"> ({gain(own - before)})</span>}
            </>
          )}
        </dd>
        <dt>Island</dt>
        <dd>{admissions.island.at(place)}</dd>
        <dt>Came</dt>
        <dd>
          as evaluation {count(place + 1)}, after {duration(admissions.seconds.at(place))}
        </dd>
        <dt>Cell</dt>
        <dd>
          {axes.map((axis, at) => (
            <span key={axis.feature}>
              {rangeText(axis, cell[at] ?? 0)}
              <br />
            </span>
          ))}
        </dd>
      </dl>
      <a class="button" href={`/runs/${run}/lineage?program=${number}`}>
        How it came to be
      </a>
    </aside>
  );
}
