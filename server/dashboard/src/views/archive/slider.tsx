import { useEffect, useRef, useState } from "preact/hooks";
import type { Admissions } from "../../live/admissions";
import { count, duration } from "../../words";

const WHOLE_MS = 12_000;

/** Moves the archive through time; at its end it follows the run. */
export function TimeSlider(props: {
  at: number;
  most: number;
  follows: boolean;
  go: (at: number | null) => void;
  admissions: Admissions;
}) {
  const { at, most, follows, go, admissions } = props;
  const [plays, setPlays] = useState(false);
  const now = useRef({ at, most, go });
  now.current = { at, most, go };
  useEffect(() => {
    if (!plays) return;
    let frame = 0;
    let before = performance.now();
    let exact = now.current.at >= now.current.most ? 0 : now.current.at;
    const step = (time: number) => {
      exact += (now.current.most * (time - before)) / WHOLE_MS;
      before = time;
      if (exact >= now.current.most) {
        setPlays(false);
        now.current.go(null);
        return;
      }
      now.current.go(Math.max(1, Math.floor(exact)));
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [plays]);
  return (
    <div class="time">
      <button type="button" class="button" onClick={() => setPlays(!plays)}>
        {plays ? "Pause" : "Play"}
      </button>
      <input
        type="range"
        aria-label="Evaluations that the archive has taken in"
        min={1}
        max={most}
        value={at}
        onInput={(event) => {
          setPlays(false);
          const value = Number(event.currentTarget.value);
          go(value >= most ? null : value);
        }}
      />
      <span class="number small soft time-text">
        evaluation {count(at)} of {count(most)}, {duration(admissions.seconds.at(at - 1))}
        {follows ? " · now" : ""}
      </span>
    </div>
  );
}
