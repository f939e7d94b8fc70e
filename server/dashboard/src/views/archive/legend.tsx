import { useEffect, useRef } from "preact/hooks";
import { shade } from "../../parts/scale";
import { score, visible } from "../../words";

/** What the colours mean. */
export function Legend({ range, unit }: { range: readonly [number, number]; unit: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (pen === null || pen === undefined) return;
    for (let x = 0; x < 180; x++) {
      pen.fillStyle = shade(x / 179);
      pen.fillRect(x, 0, 1, 10);
    }
  }, []);
  return (
    <p class="legend number small soft">
      {score(range[0], 4)} and worse
      <canvas ref={canvas} width={180} height={10} role="img" aria-label="Colours from the lowest score to the best" />
      {score(range[1], 4)} {visible(unit)}
    </p>
  );
}
