import { address, api, reachable } from "../api/client";

/** An event of a run's log as the service tells it; its further fields depend on `kind` (docs/events.md). */
export interface LoggedEvent {
  number: number;
  at: string;
  kind: string;
  program?: number;
  score?: number | null;
  [field: string]: unknown;
}

export type Link = "opening" | "live" | "lost";

interface Heard {
  events: (events: LoggedEvent[]) => void;
  link: (link: Link) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
/** A page that nobody looks at is not told: browsers allow six connections to a service, and each stream is one. */
const HIDDEN_MS = 60_000;
const PAGE = 1_000;

/**
 * Follows the log of a run behind event `after`, each event once and in order, whatever becomes of the connection: it comes
 * back by itself behind the last event that it heard of. Call the result to end it.
 */
export function follow(run: number, after: number, heard: Heard): () => void {
  return new Follower(run, after, heard).end;
}

class Follower {
  private source: EventSource | null = null;
  private timer = 0;
  private hidden = 0;
  private failures = 0;
  private ended = false;
  private readonly forget: () => void;
  private readonly run: number;
  private last: number;
  private readonly heard: Heard;

  constructor(run: number, after: number, heard: Heard) {
    this.run = run;
    this.last = after;
    this.heard = heard;
    document.addEventListener("visibilitychange", this.look);
    addEventListener("online", this.again);
    this.open();
    this.forget = reachable.subscribe((answers) => {
      if (answers && this.source === null && this.failures > 0) this.again();
    });
  }

  readonly end = (): void => {
    this.ended = true;
    this.close();
    this.forget();
    clearTimeout(this.hidden);
    document.removeEventListener("visibilitychange", this.look);
    removeEventListener("online", this.again);
  };

  private open(): void {
    this.close();
    const source = new EventSource(
      address("/api/v1/runs/{run}/events/stream", { path: { run: this.run }, query: { after: this.last } }),
    );
    this.source = source;
    this.heard.link(this.failures === 0 ? "opening" : "lost");
    source.onopen = () => {
      this.failures = 0;
      this.heard.link("live");
    };
    source.addEventListener("events", (message: MessageEvent<string>) =>
      this.take(JSON.parse(message.data) as LoggedEvent[]),
    );
    source.addEventListener("failure", () => this.retry());
    source.onerror = () => this.retry();
  }

  private close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  /** Not left to the browser, which gives up for good after an answer that is no stream, such as one of a proxy. */
  private retry(): void {
    this.close();
    if (this.ended) return;
    // Streams end by themselves every ten minutes: the first try is quick and says nothing.
    if (this.failures > 0) this.heard.link("lost");
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.failures, LONGEST_PAUSE_MS);
    this.failures++;
    this.timer = window.setTimeout(() => this.open(), pause);
  }

  private readonly again = (): void => {
    if (this.source?.readyState === EventSource.OPEN || document.hidden) return;
    this.open();
  };

  private readonly look = (): void => {
    clearTimeout(this.hidden);
    if (document.hidden) this.hidden = window.setTimeout(() => this.close(), HIDDEN_MS);
    else if (this.source === null && !this.ended) this.open();
  };

  private take(events: LoggedEvent[]): void {
    const fresh = events.filter((event) => event.number > this.last);
    const first = fresh[0];
    if (first === undefined) return;
    if (first.number !== this.last + 1) {
      this.retry();
      return;
    }
    this.last = fresh[fresh.length - 1]?.number ?? this.last;
    this.heard.events(fresh);
  }
}

/** The newest `most` events up to event `until`, oldest first. */
export async function newestEvents(
  run: number,
  until: number,
  most: number,
  signal: AbortSignal,
): Promise<LoggedEvent[]> {
  const after = Math.max(0, until - Math.min(most, PAGE));
  if (until === 0) return [];
  const page = await api.get("/api/v1/runs/{run}/events", {
    path: { run },
    query: { after, limit: until - after },
    signal,
  });
  return page.items as LoggedEvent[];
}
