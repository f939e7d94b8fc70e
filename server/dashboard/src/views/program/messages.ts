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
