/** Dots of the longer side: as many as a sharp screen has where a picture is shown. */
const LONGEST = 1200;
/** As thin as a picture may be, of its length: a canvas has at least one dot each way. */
const THINNEST = 0.02;
const PROLOGUE = /^(?:\s+|\ufeff|<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!DOCTYPE[^[>]*>)*/i;
const ROOT = /^<svg(?=[\s/>])((?:[^>"']|"[^"]*"|'[^']*')*?)(\/?)>/;
const ATTRIBUTE = /\s(viewBox|width|height)\s*=\s*("[^"]*"|'[^']*')/g;

export interface Drawing {
  /** The SVG with the size in its root, since some browsers draw nothing of one that says none. */
  svg: string;
  /** In dots, of the drawing's own proportions, whatever size it claims. */
  width: number;
  height: number;
}

/**
 * An SVG with the size at which it is to be drawn; null if it is none. It is changed as text: a document made of it would be
 * asked by the browser for the handlers in it.
 */
export function drawingOf(text: string): Drawing | null {
  const svg = text.replace(PROLOGUE, "");
  const root = ROOT.exec(svg);
  if (root === null) return null;
  const given = root[1] ?? "";
  const of = Object.fromEntries([...given.matchAll(ATTRIBUTE)].map(([, name, value]) => [name, value?.slice(1, -1)]));
  const { width, height } = sizeOf(of["viewBox"], of["width"], of["height"]);
  const rest = given.replace(ATTRIBUTE, (whole, name: string) => (name === "viewBox" ? whole : ""));
  const begun = `<svg width="${width}" height="${height}"${rest}${root[2]}>`;
  return { svg: begun + svg.slice(root[0].length), width, height };
}

function sizeOf(viewBox = "", wide = "", high = ""): { width: number; height: number } {
  const box = viewBox
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  const [across, up] = box.length === 4 ? [box[2] ?? 0, box[3] ?? 0] : [lengthOf(wide), lengthOf(high)];
  const ratio = across > 0 && up > 0 && Number.isFinite(across / up) ? across / up : 1;
  const bounded = Math.max(THINNEST, Math.min(1 / THINNEST, ratio));
  return bounded >= 1
    ? { width: LONGEST, height: Math.round(LONGEST / bounded) }
    : { width: Math.round(LONGEST * bounded), height: LONGEST };
}

function lengthOf(text: string): number {
  const found = /^\s*\+?(\d*\.?\d+)/.exec(text);
  return found === null ? 0 : Number(found[1]);
}
