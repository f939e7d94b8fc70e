export interface Step {
  evaluations: number;
  score: number;
}

const WIDTH = 132;
const HEIGHT = 30;
const EDGE = 3;

/** The steps of a best-so-far curve as an SVG path, from `from` (the seed's score, at 0 evaluations) to `until` evaluations. */
export function stepPath(steps: readonly Step[], until: number, sign: number): string {
  const first = steps[0];
  if (first === undefined) return "";
  const scores = steps.map((step) => sign * step.score);
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const x = (evaluations: number) => EDGE + ((WIDTH - 2 * EDGE) * evaluations) / Math.max(1, until);
  const y = (score: number) =>
    HEIGHT - EDGE - (high === low ? 0.5 : (score - low) / (high - low)) * (HEIGHT - 2 * EDGE);
  let path = `M${x(first.evaluations).toFixed(1)} ${y(sign * first.score).toFixed(1)}`;
  for (const step of steps.slice(1)) path += `H${x(step.evaluations).toFixed(1)}V${y(sign * step.score).toFixed(1)}`;
  return `${path}H${x(until).toFixed(1)}`;
}

/** The best score over the evaluations so far: whether a run still rises, at a glance. */
export function Sparkline({ steps, until, sign }: { steps: readonly Step[]; until: number; sign: number }) {
  const last = steps[steps.length - 1];
  if (last === undefined) return <span class="faint">–</span>;
  const still = until - last.evaluations;
  const label = `${steps.length} rises, the last one ${still} evaluations ago`;
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      <path
        d={stepPath(steps, until, sign)}
        fill="none"
        stroke="var(--accent)"
        stroke-width="1.5"
        stroke-linejoin="round"
      />
    </svg>
  );
}
