/** What a piece of source is, for its colour. */
export type Kind = "plain" | "comment" | "string" | "number" | "keyword" | "name" | "mark";

export interface Span {
  kind: Kind;
  text: string;
}

const PYTHON_WORDS = new Set(
  "and as assert async await break class continue def del elif else except finally for from global if import in is lambda match case nonlocal not or pass raise return try while with yield True False None".split(
    " ",
  ),
);
const C_WORDS = new Set(
  "auto break case char class const constexpr continue default delete do double else enum extern float fn for goto if impl in inline int let long loop match mod mut namespace new nullptr operator private protected pub public register return short signed sizeof static struct switch template this trait true false typedef typename union unsigned use using virtual void volatile where while bool".split(
    " ",
  ),
);
const NUMBER = String.raw`(?:0[xXbBoO][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)\w*`;
const LINE_STRING = String.raw`"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"?|'[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'?`;
const PYTHON = new RegExp(
  String.raw`(?<comment>#[^\n]*)|(?<string>[rbfuRBFU]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|${LINE_STRING}))|(?<number>${NUMBER})|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<rest>\s+|[^\s\w#"']+|[\s\S])`,
  "gu",
);
const C = new RegExp(
  String.raw`(?<comment>\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<string>${LINE_STRING})|(?<number>${NUMBER})|(?<word>#?[\p{L}_][\p{L}\p{N}_]*)|(?<rest>\s+|[^\s\w#"'/]+|[\s\S])`,
  "gu",
);
/** Longer sources, and longer lines, are shown without colours. */
const LONGEST = 400_000;
const LONGEST_LINE = 2_000;

function languageOf(path: string): { pattern: RegExp; words: Set<string>; opens: ReadonlySet<string> } | null {
  const end = path.slice(path.lastIndexOf(".") + 1);
  if (end === "py") return { pattern: PYTHON, words: PYTHON_WORDS, opens: new Set(["def", "class"]) };
  if (["c", "h", "cc", "cpp", "hpp", "cxx", "rs", "cu"].includes(end)) {
    return { pattern: C, words: C_WORDS, opens: new Set(["struct", "class", "fn"]) };
  }
  return null;
}

/** The lines of a source, each in pieces of one colour; together they are the source. */
export function highlighted(path: string, text: string): Span[][] {
  const language = languageOf(path);
  if (language === null || text.length > LONGEST || text.split("\n").some((line) => line.length > LONGEST_LINE)) {
    return text.split("\n").map((line) => [{ kind: "plain", text: line }]);
  }
  const lines: Span[][] = [[]];
  let before = "";
  for (const found of text.matchAll(language.pattern)) {
    put(lines, kindOf(found.groups ?? {}, language.words, language.opens.has(before)), found[0]);
    if (found.groups?.["rest"] === undefined || found[0].trim() !== "") before = found[0];
  }
  return lines;
}

function kindOf(groups: Record<string, string | undefined>, words: ReadonlySet<string>, opened: boolean): Kind {
  const { comment, string, number, word } = groups;
  if (comment !== undefined) return comment.includes("EVOLVE-BLOCK-") ? "mark" : "comment";
  if (string !== undefined) return "string";
  if (number !== undefined) return "number";
  if (word === undefined) return "plain";
  if (words.has(word) || word.startsWith("#")) return "keyword";
  return opened ? "name" : "plain";
}

function put(lines: Span[][], kind: Kind, text: string): void {
  for (const [at, part] of text.split("\n").entries()) {
    if (at > 0) lines.push([]);
    const line = lines[lines.length - 1];
    const last = line?.[line.length - 1];
    if (line === undefined || part === "") continue;
    if (last !== undefined && last.kind === kind) last.text += part;
    else line.push({ kind, text: part });
  }
}
