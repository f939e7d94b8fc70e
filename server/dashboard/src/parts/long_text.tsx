import { useState } from "preact/hooks";
import { count, visible } from "../words";

const FIRST = 8_000;

/** Text of whatever length, as it is, its beginning first or its end: a page must cope with a line of a megabyte. */
export function LongText({ text, from = "start", label }: { text: string; from?: "start" | "end"; label: string }) {
  const [room, setRoom] = useState(FIRST);
  const left = text.length - room;
  const part = left <= 0 ? text : from === "start" ? text.slice(0, room) : text.slice(-room);
  const more = left > 0 && (
    <button type="button" class="button quiet" onClick={() => setRoom(room * 8)}>
      {count(left)} more characters: show {from === "start" ? "what follows" : "what comes before"}
    </button>
  );
  return (
    <div class="long-text">
      {from === "end" && more}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it by keys */}
      <section tabIndex={0} aria-label={label}>
        <pre>{visible(part)}</pre>
      </section>
      {from === "start" && more}
    </div>
  );
}
