import { expect, test } from "vitest";
import { drawingOf } from "../src/parts/drawing";

const sized = (attributes: string) => {
  const found = drawingOf(`<svg xmlns="http://www.w3.org/2000/svg"${attributes}><circle r="3"/></svg>`);
  return [found?.width, found?.height];
};

test("a picture keeps its proportions, and has as many dots as are shown, whatever it claims", () => {
  expect(sized(' viewBox="0 0 9 9"')).toEqual([1200, 1200]);
  expect(sized(" viewBox='-1,-1 200 100' width='1'")).toEqual([1200, 600]);
  expect(sized(' width="30mm" height="60mm"')).toEqual([600, 1200]);
  expect(sized(' width="1e9" height="99999999"')[1]).toBe(1200);
  expect(sized(' viewBox="0 0 1000000 1"')).toEqual([1200, 24]);
  for (const odd of ["", ' viewBox="0 0 0 0"', ' viewBox="none"', ' width="100%" height="-5"']) {
    expect(sized(odd)).toEqual([1200, 1200]);
  }
});

test("the size stands in the root once, and all else stays", () => {
  const text =
    '<?xml version="1.0"?>\n<!-- <svg> -->\n<svg id="a>b" width="5" viewBox="0 0 2 1" height="9"><g width="7"/></svg>';
  expect(drawingOf(text)?.svg).toBe('<svg width="1200" height="600" id="a>b" viewBox="0 0 2 1"><g width="7"/></svg>');
  expect(drawingOf("<svg/>")?.svg).toBe('<svg width="1200" height="1200"/>');
});

test("what is no drawing is none", () => {
  for (const text of ["", "svg", "<html><svg></svg></html>", "<svgs>", "<svg"]) expect(drawingOf(text)).toBeNull();
});
