import type { Schemas } from "../../api/client";
import { score, trimmed } from "../../words";

export type Axis = Schemas["FeatureAxis"];

/** The bounds of a cell along an axis, in the axis' own unit. */
export function boundsOf(axis: Axis, index: number): readonly [number, number] {
  return [edgeOf(axis, index), edgeOf(axis, index + 1)];
}

export function edgeOf(axis: Axis, index: number): number {
  const part = index / axis.cells;
  if (axis.scale === "log") return axis.low * (axis.high / axis.low) ** part;
  return axis.low + part * (axis.high - axis.low);
}

export function edgeText(value: number): string {
  return trimmed(score(value, 3));
}
