import { type Admissions, OPERATORS } from "../../live/admissions";
import { hueOf, partOf, shade } from "../../parts/scale";
import { colour } from "../../theme";
import type { Layout } from "./layout";

export type By = "score" | "operator" | "model" | "island";

/** What part of the plane is seen: the plane's unit square is `scale` times the canvas, moved by `left` and `top` pixels. */
export interface Window {
  scale: number;
  left: number;
  top: number;
}

export interface Scene {
  admissions: Admissions;
  layout: Layout;
  path: readonly number[];
  by: By;
  range: readonly [number, number];
  chosen: number | null;
  hovered: number | null;
}

const MARGIN = 26;
export const WHOLE: Window = { scale: 1, left: 0, top: 0 };

export class Tree {
  window: Window = WHOLE;
  private readonly canvas: HTMLCanvasElement;

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
  }

  x(share: number): number {
    return MARGIN + 30 + share * (this.canvas.clientWidth - 2 * MARGIN - 30) * this.window.scale + this.window.left;
  }

  y(share: number): number {
    return MARGIN + share * (this.canvas.clientHeight - 2 * MARGIN) * this.window.scale + this.window.top;
  }

  /** Makes everything larger (or smaller) around a point of the canvas. */
  zoom(factor: number, x: number, y: number): void {
    const scale = Math.max(1, Math.min(60, this.window.scale * factor));
    const by = scale / this.window.scale;
    const [fromX, fromY] = [MARGIN + 30, MARGIN];
    this.window = {
      scale,
      left: x - fromX - (x - fromX - this.window.left) * by,
      top: y - fromY - (y - fromY - this.window.top) * by,
    };
    if (scale === 1) this.window = WHOLE;
  }

  move(x: number, y: number): void {
    this.window = { ...this.window, left: this.window.left + x, top: this.window.top + y };
  }

  centre(layout: Layout, place: number): void {
    this.move(
      this.canvas.clientWidth / 2 - this.x(layout.x[place] ?? 0),
      this.canvas.clientHeight / 2 - this.y(layout.y[place] ?? 0),
    );
  }

  /** The place of the program nearest to a point; null if none is near. */
  nearest(layout: Layout, x: number, y: number, reach = 14): number | null {
    let best: number | null = null;
    let least = reach * reach;
    for (let place = 0; place < layout.x.length; place++) {
      const [dx, dy] = [this.x(layout.x[place] ?? 0) - x, this.y(layout.y[place] ?? 0) - y];
      const far = dx * dx + dy * dy;
      if (far < least) [least, best] = [far, place];
    }
    return best;
  }

  draw(scene: Scene): void {
    const pen = this.canvas.getContext("2d");
    if (pen === null) return;
    const ratio = devicePixelRatio;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.bands(pen, scene.layout);
    this.edges(pen, scene);
    this.dots(pen, scene);
    this.best(pen, scene);
    for (const [place, size] of [
      [scene.hovered, 6],
      [scene.chosen, 8],
    ] as const) {
      if (place === null) continue;
      pen.strokeStyle = colour("--ink");
      pen.lineWidth = 2;
      this.circle(pen, scene.layout, place, size);
      pen.stroke();
    }
  }

  private bands(pen: CanvasRenderingContext2D, layout: Layout): void {
    pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    pen.textBaseline = "middle";
    for (const band of layout.bands) {
      const [top, bottom] = [this.y(band.from), this.y(band.to)];
      pen.fillStyle = colour("--raised");
      pen.fillRect(0, top, this.canvas.clientWidth, bottom - top);
      pen.fillStyle = colour("--soft");
      pen.fillText(`island ${band.island}`, 6, Math.max(8, top + 9));
    }
  }

  private edges(pen: CanvasRenderingContext2D, { admissions, layout }: Scene): void {
    pen.strokeStyle = colour("--strong-rule");
    pen.globalAlpha = Math.max(0.1, Math.min(0.5, (250 * this.window.scale) / Math.max(1, admissions.length)));
    pen.lineWidth = 1;
    pen.beginPath();
    for (let place = 0; place < layout.x.length; place++) {
      const parent = admissions.placeOf(admissions.parent.at(place));
      if (parent < 0) continue;
      pen.moveTo(this.x(layout.x[parent] ?? 0), this.y(layout.y[parent] ?? 0));
      pen.lineTo(this.x(layout.x[place] ?? 0), this.y(layout.y[place] ?? 0));
    }
    pen.stroke();
    pen.globalAlpha = 1;
  }

  private dots(pen: CanvasRenderingContext2D, scene: Scene): void {
    const { layout } = scene;
    const size = Math.min(6, 2.2 + this.window.scale * 0.4);
    const byColour = new Map<string, number[]>();
    const colourAt = colours(scene);
    for (let place = 0; place < layout.x.length; place++) {
      const found = colourAt(place);
      const known = byColour.get(found);
      if (known === undefined) byColour.set(found, [place]);
      else known.push(place);
    }
    for (const [fill, places] of byColour) {
      pen.fillStyle = fill;
      pen.beginPath();
      for (const place of places) {
        const [x, y] = [this.x(layout.x[place] ?? 0), this.y(layout.y[place] ?? 0)];
        pen.moveTo(x + size, y);
        pen.arc(x, y, size, 0, 2 * Math.PI);
      }
      pen.fill();
    }
  }

  private best(pen: CanvasRenderingContext2D, { layout, path }: Scene): void {
    pen.strokeStyle = colour("--accent");
    pen.lineWidth = 2.5;
    pen.lineJoin = "round";
    pen.beginPath();
    for (const [at, place] of path.entries()) {
      const [x, y] = [this.x(layout.x[place] ?? 0), this.y(layout.y[place] ?? 0)];
      if (at === 0) pen.moveTo(x, y);
      else pen.lineTo(x, y);
    }
    pen.stroke();
  }

  private circle(pen: CanvasRenderingContext2D, layout: Layout, place: number, size: number): void {
    pen.beginPath();
    pen.arc(this.x(layout.x[place] ?? 0), this.y(layout.y[place] ?? 0), size, 0, 2 * Math.PI);
  }
}

/** Shades that scores are told apart by: few enough that dots of one shade are drawn at once. */
const SHADES = 32;

function colours({ admissions, by, range }: Scene): (place: number) => string {
  const none = colour("--rule");
  if (by === "island") return (place) => hueOf(admissions.island.at(place));
  if (by === "model") {
    return (place) => (admissions.model.at(place) === 0 ? colour("--faint") : hueOf(admissions.model.at(place) - 1));
  }
  if (by === "operator") {
    const known = OPERATORS.map((operator) => colour(`--op-${operator}`));
    return (place) => known[admissions.operator.at(place)] ?? none;
  }
  return (place) => {
    const score = admissions.score.at(place);
    return Number.isNaN(score) ? none : shade(Math.round(partOf(score, range) * SHADES) / SHADES);
  };
}
