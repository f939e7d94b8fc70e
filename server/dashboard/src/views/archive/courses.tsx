import { useMemo } from "preact/hooks";
import type { Admissions } from "../../live/admissions";
import { Card } from "../../parts/small";
import { count, score, share } from "../../words";
import { courseOf } from "./replay";

const WIDTH = 560;
const HEIGHT = 130;

/** How much of the archive was filled, and how good what fills it is, over the evaluations. */
export function Courses(props: {
  admissions: Admissions;
  version: number;
  begun: number;
  island: number | null;
  total: number;
  at: number;
}) {
  const { admissions, version, begun, island, total, at } = props;
  // Twenty times a curve's length is enough: it is not folded anew for every program that comes.
  const length = version < 0 ? 0 : admissions.length;
  const grain = length < 400 ? length : Math.floor(length / 20) * 20;
  const course = useMemo(
    () => (grain >= 0 ? courseOf(admissions, begun, island) : null),
    [admissions, begun, island, grain],
  );
  if (course === null || course.at.length < 2) return null;
  const part = at / Math.max(1, admissions.length);
  const last = course.at.length - 1;
  return (
    <div class="columns">
      <Card
        title="Coverage"
        rest={<span class="soft number">{share((course.filled[last] ?? 0) / total)} of the cells</span>}
      >
        <Curve
          values={course.filled}
          part={part}
          name={`Filled cells over evaluations, ${count(course.filled[last])} now`}
        />
      </Card>
      <Card title="QD score" rest={<span class="soft number">{score(course.quality[last], 4)}</span>}>
        <Curve
          values={course.quality}
          part={part}
          name="Sum over the filled cells of what each is better than the worst score of the run"
        />
        <p class="faint small">Sum over the filled cells of what each is better than the worst score of the run.</p>
      </Card>
    </div>
  );
}

function Curve({ values, part, name }: { values: readonly number[]; part: number; name: string }) {
  const most = Math.max(...values, 1e-12);
  const x = (at: number) => (at / Math.max(1, values.length - 1)) * WIDTH;
  const y = (value: number) => HEIGHT - 4 - (value / most) * (HEIGHT - 12);
  const path = values.map((value, at) => `${at === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  return (
    <svg class="course" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={name}>
      <path class="below" d={`${path}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} />
      <path class="line" d={path} />
      <line class="now" x1={part * WIDTH} x2={part * WIDTH} y1={0} y2={HEIGHT} />
    </svg>
  );
}
