import { shortened } from "../../words";

export interface Message {
  role: string;
  text: string;
}

/** The messages of a stored prompt; one that is no list of messages is shown as it is. */
export function messagesOf(prompt: string): Message[] {
  let found: unknown;
  try {
    found = JSON.parse(prompt);
  } catch {
    return [{ role: "prompt", text: prompt }];
  }
  if (!Array.isArray(found)) return [{ role: "prompt", text: prompt }];
  return found.map((item: unknown) => {
    const { role, content } = (typeof item === "object" && item !== null ? item : {}) as Record<string, unknown>;
    return {
      role: typeof role === "string" ? role : "message",
      text: typeof content === "string" ? content : JSON.stringify(content ?? item, null, 1),
    };
  });
}

/** Where an answer begins to be code: a fence, or a block to search for. */
const CODE = /^ *(`{3,}|~{3,}|<{3,})/m;
const WORDS_SHOWN = 400;

/** What a model said in words before its code, the newest answer first; empty if it gave code alone. */
export function wordsOf(answers: readonly (string | null)[]): string {
  const answer = answers.findLast((one) => one !== null) ?? "";
  const code = answer.search(CODE);
  const words = code < 0 ? "" : answer.slice(0, code);
  return shortened(words, WORDS_SHOWN);
}
