import type uPlot from "uplot";
import type { Admissions } from "../../live/admissions";
import { OPERATORS } from "../../live/admissions";

/** Points that are looked at to find the range of scores: enough for its quantiles, whatever the size of the run. */
const SAMPLE = 4_000;
/** A known value that lies beyond the scores by less than so many of their spans is shown with them. */
const NEAR = 1.5;

export interface Range {
  low: number;
  high: number;
}

/**
 * The scores that a chart shows. `front`: where the search is, the better half of the scores, with the seed and
 * the known values where they are near; else all scores.
 */
export function scoreRange(admissions: Admissions, known: readonly number[], front: boolean): Range {
  const sample = sortedSample(admissions, front ? SAMPLE : Number.POSITIVE_INFINITY);
  const { [0]: least, [sample.length - 1]: most } = sample;
  if (least === undefined || most === undefined) return { low: 0, high: 1 };
  const middle = sample[sample.length >> 1] ?? least;
  let low = front && admissions.sign > 0 ? middle : least;
  let high = front && admissions.sign < 0 ? middle : most;
  const span = high - low || Math.abs(high) || 1;
  const near = known.filter((value) => value < high + NEAR * span && value > low - NEAR * span);
  low = Math.min(low, ...near);
  high = Math.max(high, ...near);
  const edge = 0.06 * (high - low || span);
  return { low: steady(low - edge, span, Math.floor), high: steady(high + edge, span, Math.ceil) };
}

/** The value moved outwards by at most a fiftieth of the span, so that a chart need not be scaled anew all the time. */
function steady(value: number, span: number, outwards: (value: number) => number): number {
  const step = 10 ** Math.floor(Math.log10(span / 20));
  return Number.isFinite(step) && step > 0 ? outwards(value / step) * step : value;
}

/** The end of an axis on which values are added one by one: with room for some more. */
export function roomFor(most: number): number {
  const step = 10 ** Math.floor(Math.log10(Math.max(most, 1))) / 10;
  return Math.max(1, Math.ceil(most / step) * step);
}

/** About so many of the scores, the best among them, in order. */
function sortedSample(admissions: Admissions, most: number): Float64Array {
  const scores = admissions.score.view();
  const step = Math.max(1, Math.floor(scores.length / most));
  const best = admissions.best.at(admissions.length - 1);
  const picked = step === 1 ? scores : scores.filter((_, at) => at % step === 0 || at === scores.length - 1);
  const found = picked.filter((score) => !Number.isNaN(score));
  if (Number.isNaN(best)) return found.sort();
  const all = new Float64Array(found.length + 1);
  all.set(found);
  all[found.length] = best;
  return all.sort();
}

export interface Palette {
  operators: readonly string[];
  rule: string;
  ink: string;
  faint: string;
  card: string;
  bad: string;
}

/** The known values of the score, as lines of a chart. */
export interface Line {
  name: string;
  value: number;
}

/** Draws the lines of reference, all programs as dots, and the best so far as steps. */
export function drawPrograms(
  plot: uPlot,
  dots: Dots,
  admissions: Admissions,
  xs: Float64Array,
  lines: readonly Line[],
  palette: Palette,
): void {
  const { ctx, bbox } = plot;
  const x = affine(plot, "x");
  const y = affine(plot, "y");
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  drawLines(plot, lines, palette, y);
  dots.draw(plot, admissions, xs, palette, x, y);
  drawSteps(plot, admissions, xs, palette, x, y);
  ctx.restore();
}

type Place = (value: number) => number;

/** From a value to a pixel of the canvas: both scales are linear, so two places tell all others. */
function affine(plot: uPlot, scale: "x" | "y"): Place {
  const { min, max } = plot.scales[scale] ?? {};
  if (min === undefined || max === undefined || min === null || max === null) return () => Number.NaN;
  const first = plot.valToPos(min, scale, true);
  const slope = (plot.valToPos(max, scale, true) - first) / (max - min);
  return (value) => first + slope * (value - min);
}

/**
 * Programs as dots, those without a score as ticks at the foot, on a canvas of their own: as long as the scales stay, only
 * what is new is drawn.
 */
export class Dots {
  private readonly layer = document.createElement("canvas");
  private drawn = 0;
  private of = "";
  private whose: Admissions | null = null;

  draw(plot: uPlot, admissions: Admissions, xs: Float64Array, palette: Palette, x: Place, y: Place): void {
    const { bbox } = plot;
    const scales = [plot.scales["x"], plot.scales["y"]].map((scale) => `${scale?.min} ${scale?.max}`);
    const of = [...scales, bbox.left, bbox.top, bbox.width, bbox.height, palette.ink, xs[0]].join(" ");
    if (of !== this.of || admissions !== this.whose || xs.length < this.drawn) {
      [this.of, this.whose, this.drawn] = [of, admissions, 0];
      this.layer.width = plot.ctx.canvas.width;
      this.layer.height = plot.ctx.canvas.height;
    }
    const layer = this.layer.getContext("2d");
    if (layer === null) return;
    drawDots(layer, bbox, admissions, xs, this.drawn, palette, x, y);
    this.drawn = xs.length;
    plot.ctx.drawImage(this.layer, 0, 0);
  }
}

function drawDots(
  ctx: CanvasRenderingContext2D,
  bbox: uPlot.BBox,
  admissions: Admissions,
  xs: Float64Array,
  from: number,
  palette: Palette,
  x: Place,
  y: Place,
): void {
  const size = (xs.length > 3000 ? 2.6 : 3.4) * devicePixelRatio;
  const tick = 5 * devicePixelRatio;
  const [top, foot] = [bbox.top + size / 2, bbox.top + bbox.height - size / 2];
  const [scores, operators] = [admissions.score.view(), admissions.operator.view()];
  for (let at = from; at < xs.length; at++) {
    const left = x(xs[at] as number);
    const wanted = y(scores[at] as number);
    if (Number.isNaN(wanted)) {
      ctx.globalAlpha = 0.3;
      ctx.fillStyle = palette.bad;
      ctx.fillRect(left, foot - tick, devicePixelRatio, tick);
      continue;
    }
    const place = Math.min(foot, Math.max(top, wanted));
    // What lies beyond is seen to be there, and no more.
    ctx.globalAlpha = place === wanted ? 0.55 : 0.12;
    ctx.fillStyle = palette.operators[operators[at] as number] ?? palette.faint;
    ctx.fillRect(left - size / 2, place - size / 2, size, size);
  }
}

function drawSteps(plot: uPlot, admissions: Admissions, xs: Float64Array, palette: Palette, x: Place, y: Place): void {
  const { ctx } = plot;
  const best = admissions.best.view();
  ctx.beginPath();
  let before = Number.NaN;
  for (let at = 0; at < best.length; at++) {
    const value = best[at] as number;
    if (value === before || Number.isNaN(value)) continue;
    const left = x(xs[at] as number);
    if (Number.isNaN(before)) ctx.moveTo(left, y(value));
    else {
      ctx.lineTo(left, y(before));
      ctx.lineTo(left, y(value));
    }
    before = value;
  }
  if (!Number.isNaN(before)) ctx.lineTo(x(xs[xs.length - 1] as number), y(before));
  ctx.lineJoin = "round";
  ctx.strokeStyle = palette.card;
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.globalAlpha = 0.7;
  ctx.stroke();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = palette.ink;
  ctx.lineWidth = 1.75 * devicePixelRatio;
  ctx.stroke();
}

function drawLines(plot: uPlot, lines: readonly Line[], palette: Palette, y: Place): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  ctx.font = `${11 * scale}px Inter, system-ui, sans-serif`;
  ctx.textAlign = "right";
  ctx.lineWidth = scale;
  ctx.strokeStyle = palette.faint;
  ctx.fillStyle = palette.faint;
  const right = bbox.left + bbox.width - 6 * scale;
  let [aboveBefore, free] = [Number.NEGATIVE_INFINITY, right];
  for (const line of [...lines].sort((one, other) => y(one.value) - y(other.value))) {
    const place = Math.round(y(line.value)) + 0.5;
    if (!(place >= bbox.top && place <= bbox.top + bbox.height)) continue;
    ctx.setLineDash([5 * scale, 4 * scale]);
    ctx.globalAlpha = 0.6;
    ctx.beginPath();
    ctx.moveTo(bbox.left, place);
    ctx.lineTo(bbox.left + bbox.width, place);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
    // Beside the name of the line above where that is too near.
    if (place - aboveBefore > 14 * scale) free = right;
    const below = place - bbox.top < 16 * scale;
    ctx.textBaseline = below ? "top" : "bottom";
    ctx.fillText(line.name, free, place + (below ? 3 : -2) * scale);
    free -= ctx.measureText(line.name).width + 12 * scale;
    aboveBefore = place;
  }
}

/** The place of the program nearest to a point of the chart, within `reach` pixels of the page; -1 if none is. */
export function nearest(
  plot: uPlot,
  admissions: Admissions,
  xs: Float64Array,
  left: number,
  top: number,
  reach: number,
): number {
  const [from, to] = [plot.posToVal(left - reach, "x"), plot.posToVal(left + reach, "x")];
  const scores = admissions.score.view();
  const height = plot.over.clientHeight;
  let [found, closest] = [-1, reach * reach];
  for (let at = firstFrom(xs, from); at < xs.length && (xs[at] as number) <= to; at++) {
    const score = scores[at] as number;
    const y = Number.isNaN(score) ? height - 3 : Math.min(height, Math.max(0, plot.valToPos(score, "y")));
    const distance = (plot.valToPos(xs[at] as number, "x") - left) ** 2 + (y - top) ** 2;
    if (distance < closest) [found, closest] = [at, distance];
  }
  return found;
}

/** The first place whose value is at least `value`, of values that never fall. */
export function firstFrom(values: ArrayLike<number>, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The place of a program that a key leads to from another, or from none (-1) to the latest record: left and right in the order
 * of the run, up and down from record to record, `Home` and `End`. Null: the key leads nowhere.
 */
export function walked(best: Float64Array, at: number, key: string): number | null {
  const last = best.length - 1;
  if (last < 0 || !["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(key)) return null;
  if (key === "Home" || key === "End") return key === "Home" ? 0 : last;
  if (at < 0) return Math.max(0, nextRecord(best, last + 1, -1));
  if (key === "ArrowLeft" || key === "ArrowRight")
    return Math.min(last, Math.max(0, at + (key === "ArrowLeft" ? -1 : 1)));
  const found = nextRecord(best, at, key === "ArrowUp" ? 1 : -1);
  return found < 0 ? at : found;
}

/** The place of the next program in a direction that made a new best; -1 if there is none. */
function nextRecord(best: Float64Array, from: number, step: 1 | -1): number {
  for (let at = from + step; at >= 0 && at < best.length; at += step) {
    const own = best[at] as number;
    if (!Number.isNaN(own) && own !== best[at - 1]) return at;
  }
  return -1;
}

/** Operators that made anything, in their fixed order. */
export function operatorsSeen(admissions: Admissions): string[] {
  const made = admissions.operator.view();
  return OPERATORS.filter((_, at) => made.includes(at));
}
