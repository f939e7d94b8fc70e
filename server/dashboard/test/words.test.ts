import { describe, expect, test } from "vitest";
import {
  ago,
  count,
  duration,
  gain,
  money,
  NONE,
  rate,
  score,
  share,
  shortened,
  shortMoment,
  ticked,
  visible,
} from "../src/words";

describe("numbers as people read them", () => {
  test("scores keep six significant digits, and exponents only where they must", () => {
    expect(score(2.6359773)).toBe("2.63598");
    expect(score(-0.00123456789)).toBe("-0.00123457");
    expect(score(123456.789)).toBe("123,457");
    expect(score(1500)).toBe("1,500");
    expect(score(0)).toBe("0");
    expect(score(3.2e-9)).toBe("3.2000e-9");
    expect(score(1.5e12)).toBe("1.5000e+12");
    expect(score(null)).toBe(NONE);
  });

  test("gains have a sign", () => {
    expect(gain(0.3061)).toBe("+0.3061");
    expect(gain(-2)).toBe("−2");
  });

  test("counts, shares, money", () => {
    expect(count(12345)).toBe("12,345");
    expect(share(0.034)).toBe("3.4 %");
    expect(share(0.5)).toBe("50 %");
    expect(share(Number.NaN)).toBe(NONE);
    expect(money(0)).toBe("$0.00");
    expect(money(1234)).toBe("$0.0012");
    expect(money(7_250_000)).toBe("$7.25");
    expect(money(null)).toBe(NONE);
  });

  test("times in at most two units", () => {
    expect(duration(3.25)).toBe("3.3 s");
    expect(duration(59.6)).toBe("1 min");
    expect(duration(187)).toBe("3 min 07 s");
    expect(duration(900)).toBe("15 min");
    expect(duration(11_220)).toBe("3 h 07 min");
    expect(duration(90_000)).toBe("1 d 01 h");
  });

  test("how often and how long ago", () => {
    expect(rate(26.71)).toBe("26.7 /s");
    expect(rate(0.25)).toBe("15 /min");
    expect(rate(0.001)).toBe("3.6 /h");
    expect(ago(0, 4_000)).toBe("just now");
    expect(ago(0, 240_000)).toBe("4 min ago");
  });
});

describe("text that is not to be trusted", () => {
  test("what moves a cursor or turns the direction of reading is shown, and lines and tabs stay", () => {
    expect(visible("a\u001b[31mb")).toBe("a␛[31mb");
    expect(visible("\u202egnp.exe")).toBe("⟨202e⟩gnp.exe");
    expect(visible("a\tb\nc\u0000\u007f")).toBe("a\tb\nc␀␡");
    expect(visible("<script>alert('x')</script> ö 漢")).toBe("<script>alert('x')</script> ö 漢");
  });
});

test("marks of an axis have the same decimals, as many as tell them apart", () => {
  const marks = [1.9, 2, 2.1, 2.2];
  expect(marks.map((one) => ticked(one, marks))).toEqual(["1.9", "2.0", "2.1", "2.2"]);
  expect([1500, 2000].map((one) => ticked(one, [1500, 2000]))).toEqual(["1,500", "2,000"]);
});

test("a text is shortened to one line that shows what it holds", () => {
  expect(shortened("as it is", 40)).toBe("as it is");
  expect(shortened("two\n  lines", 40)).toBe("two lines");
  expect(shortened("a".repeat(1_000_000), 40)).toBe(`${"a".repeat(39)}…`);
  expect(shortened("\u202eevil", 40)).toBe("⟨202e⟩evil");
});

test("a moment of another day has its day, one of today its seconds", () => {
  expect(shortMoment("2024-03-07T12:34:56Z")).toMatch(/^[78] Mar, \d\d:\d4$/);
  expect(shortMoment(new Date().toISOString())).toMatch(/^\d\d:\d\d:\d\d$/);
});
