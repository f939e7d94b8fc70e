import { useLiveRun } from "../../live/run";
import { Tile, Tiles } from "../../parts/small";
import { Loading, Wrong } from "../../parts/states";
import { count, score } from "../../words";

export default function RunView({ run }: Record<string, string>) {
  const live = useLiveRun(Number(run));
  const detail = live.detail.value;
  if (live.failure.value !== undefined && detail === undefined) return <Wrong failure={live.failure.value} />;
  if (detail === undefined) return <Loading what="the run" heights={[40, 90, 380]} />;
  return (
    <div class="stack">
      <h1>{detail.title}</h1>
      <Tiles>
        <Tile name="Best score" value={score(detail.best_score)} />
        <Tile name="Evaluations" value={count(live.version.value && live.admissions.length)} />
      </Tiles>
    </div>
  );
}
