import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const styles = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
/** The colours of the style sheet by their names, light and dark. */
const colours = new Map(
  [...styles.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g)].map(([, name, light, dark]) => [
    name ?? "",
    [light ?? "", dark ?? ""] as const,
  ]),
);

/** Relative luminance: WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

/** All pairs whose contrast is below `least`, in words. */
function short(fronts: readonly string[], grounds: readonly string[], least: number): string[] {
  return fronts.flatMap((front) =>
    grounds.flatMap((ground) =>
      [0, 1].flatMap((mode) => {
        const [one, other] = [colours.get(front)?.[mode], colours.get(ground)?.[mode]];
        if (one === undefined || other === undefined) throw new Error(`no colour ${front} or ${ground}`);
        const found = contrast(one, other);
        return found < least ? [`${front} on ${ground}, ${["light", "dark"][mode]}: ${found.toFixed(2)}`] : [];
      }),
    ),
  );
}

const GROUNDS = ["page", "card", "raised", "sunken"];

test("the measure itself: black on white is 21, and the grey at the border of AA is what others measure", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#767676", "#ffffff")).toBeCloseTo(4.54, 2);
});

test("text has the contrast of WCAG AA on every ground that it stands on", () => {
  const words = ["ink", "soft", "faint", "accent", "good", "warn", "bad", "note"];
  expect(short(words, GROUNDS, 4.5)).toEqual([]);
  for (const tone of ["good", "warn", "bad", "note", "accent"]) {
    expect(short(["ink", "soft", tone], [`${tone}-ground`], 4.5)).toEqual([]);
  }
  expect(short(["accent-ink"], ["accent"], 4.5)).toEqual([]);
  expect(short(["bad-ink"], ["bad"], 4.5)).toEqual([]);
});

test("borders of controls, the focus, and what charts draw stand out by 3 : 1", () => {
  expect(short(["strong-rule", "focus"], GROUNDS, 3)).toEqual([]);
  const operators = [...colours.keys()].filter((name) => name.startsWith("op-"));
  expect(operators).toHaveLength(8);
  expect(short(operators, ["card"], 3)).toEqual([]);
});
