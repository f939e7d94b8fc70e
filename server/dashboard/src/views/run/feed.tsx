import { useMemo, useState } from "preact/hooks";
import type { LiveRun } from "../../live/run";
import type { LoggedEvent } from "../../live/stream";
import { Card, Choice } from "../../parts/small";
import { moment, shortMoment, visible } from "../../words";
import { FREQUENT, told } from "./events";

const SHOWN = 80;

/** What happened, newest first, in words. */
export function Feed({ live }: { live: LiveRun }) {
  const [all, setAll] = useState<"turns" | "all">("turns");
  const shown = live.version.value < 0 ? [] : newest(live.events, all === "all" ? undefined : FREQUENT);
  // The same list as before costs nothing to draw.
  const first = shown[0]?.number;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the newest event tells which they are
  const entries = useMemo(
    () => shown.map((event) => <Entry key={event.number} run={live.id} event={event} />),
    [live, all, first, shown.length],
  );
  return (
    <Card
      title="Events"
      rest={
        <Choice
          name="Which events"
          value={all}
          options={[
            ["turns", "Turns"],
            ["all", "Every event"],
          ]}
          choose={setAll}
        />
      }
    >
      {shown.length === 0 ? (
        <p class="soft">{live.ready.value ? "No turn among the newest events." : "Reading the log…"}</p>
      ) : (
        <ol class="feed">{entries}</ol>
      )}
    </Card>
  );
}

function Entry({ run, event }: { run: number; event: LoggedEvent }) {
  const { text, tone, program } = told(event);
  return (
    <li>
      <time dateTime={event.at} title={`event ${event.number}, ${moment(event.at)}`}>
        {shortMoment(event.at)}
      </time>
      <p class={tone}>
        {program !== undefined && (
          <>
            <a class="number" href={`/runs/${run}/programs/${program}`}>
              #{program}
            </a>{" "}
          </>
        )}
        {visible(text)}
      </p>
    </li>
  );
}

function newest(events: readonly LoggedEvent[], but: ReadonlySet<string> | undefined): LoggedEvent[] {
  const found: LoggedEvent[] = [];
  for (let at = events.length - 1; at >= 0 && found.length < SHOWN; at--) {
    const event = events[at];
    if (event !== undefined && !but?.has(event.kind)) found.push(event);
  }
  return found;
}
