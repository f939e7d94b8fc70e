import { useEffect, useRef, useState } from "preact/hooks";
import { OPERATORS } from "../../live/admissions";
import { colours } from "../../theme";
import { count, score } from "../../words";
import { type Scene, Tree, WHOLE } from "./tree";

const STEP = 60;

/** The tree on a canvas: drag to move, wheel or + and − to zoom, click to choose. */
export function Lines({ scene, choose }: { scene: Scene; choose: (place: number | null) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tree = useRef<Tree | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const [moved, setMoved] = useState(0);
  const drag = useRef<{ x: number; y: number; far: number } | null>(null);
  const theme = colours.value;
  const again = () => setMoved((times) => times + 1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the canvas stays, and so does what listens to it
  useEffect(() => {
    const found = canvas.current;
    if (found === null) return;
    tree.current = new Tree(found);
    const watch = new ResizeObserver(again);
    watch.observe(found);
    const wheel = (event: WheelEvent) => {
      // With a key, so that whoever scrolls the page is not caught by the picture.
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey && tree.current?.window.scale === 1 && event.deltaY > 0)
        return;
      event.preventDefault();
      tree.current?.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
      again();
    };
    found.addEventListener("wheel", wheel, { passive: false });
    return () => {
      watch.disconnect();
      found.removeEventListener("wheel", wheel);
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is drawn anew in other colours and after it was moved
  useEffect(() => tree.current?.draw({ ...scene, hovered }), [scene, hovered, moved, theme]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it moves there when another one is chosen, and then never again
  useEffect(() => {
    const shown = tree.current;
    if (shown === null || scene.chosen === null || shown.window.scale === 1) return;
    shown.centre(scene.layout, scene.chosen);
    again();
  }, [scene.chosen]);
  const zoom = (factor: number) => {
    const box = canvas.current;
    if (box !== null) tree.current?.zoom(factor, box.clientWidth / 2, box.clientHeight / 2);
    again();
  };
  const whole = () => {
    if (tree.current !== null) tree.current.window = WHOLE;
    again();
  };
  const key = (event: KeyboardEvent) => {
    const moves: Record<string, () => void> = {
      "+": () => zoom(1.5),
      "-": () => zoom(1 / 1.5),
      "0": whole,
      ArrowLeft: () => tree.current?.move(STEP, 0),
      ArrowRight: () => tree.current?.move(-STEP, 0),
      ArrowUp: () => tree.current?.move(0, STEP),
      ArrowDown: () => tree.current?.move(0, -STEP),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
    again();
  };
  const pointed = (event: PointerEvent) => {
    const from = drag.current;
    if (from === null) {
      setHovered(tree.current?.nearest(scene.layout, event.offsetX, event.offsetY) ?? null);
      return;
    }
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    drag.current = { x: event.clientX, y: event.clientY, far: from.far + Math.abs(dx) + Math.abs(dy) };
    tree.current?.move(dx, dy);
    again();
  };
  const released = (event: PointerEvent) => {
    if (drag.current !== null && drag.current.far < 5) {
      choose(tree.current?.nearest(scene.layout, event.offsetX, event.offsetY) ?? null);
    }
    drag.current = null;
  };
  return (
    <div class="lineage">
      <canvas
        ref={canvas}
        role="img"
        tabIndex={0}
        aria-label={`Lineage of ${count(scene.admissions.length)} programs, the best path of ${count(scene.path.length)} marked; arrow keys move, plus and minus zoom, 0 shows all`}
        onKeyDown={key}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { x: event.clientX, y: event.clientY, far: 0 };
        }}
        onPointerMove={pointed}
        onPointerUp={released}
        onPointerLeave={() => setHovered(null)}
      />
      <div class="zooms">
        <button type="button" class="button" aria-label="Zoom in" onClick={() => zoom(1.5)}>
          +
        </button>
        <button type="button" class="button" aria-label="Zoom out" onClick={() => zoom(1 / 1.5)}>
          −
        </button>
        <button type="button" class="button" onClick={whole}>
          Whole
        </button>
      </div>
      <p class="number small soft lineage-hint">
        {hovered === null ? "Drag to move, zoom with the wheel, click a program." : told(scene, hovered)}
      </p>
    </div>
  );
}

function told({ admissions, layout }: Scene, place: number): string {
  const own = admissions.score.at(place);
  const made = OPERATORS[admissions.operator.at(place)] ?? "seed";
  const model = admissions.models.name(admissions.model.at(place));
  return `Program ${count(admissions.number.at(place))}: ${Number.isNaN(own) ? "no score" : score(own)}, by ${made}${model === null ? "" : ` of ${model}`}, generation ${layout.generation[place] ?? 0}`;
}
