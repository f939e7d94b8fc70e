import { type Signal, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { api, Failure, type Schemas } from "../api/client";
import { Admissions, type Operator } from "./admissions";
import { follow, type Link, type LoggedEvent, newestEvents } from "./stream";

/** At most five redraws a second, however many events come. */
const REDRAW_MS = 200;
const DETAIL_MS = 4_000;
const RETRY_MS = 1_500;
/** Events that are kept for the feed; what charts need is in `admissions`. */
export const KEPT_EVENTS = 300;
const TURNS = new Set([
  "paused",
  "unpaused",
  "stopping",
  "finished",
  "resumed",
  "budget_set",
  "models_set",
  "new_best",
  "verified",
]);

/**
 * One run as it goes on, for all views: how it stands, what it took in, its newest events. Read first, then followed from the
 * very event where reading ended. Read `version` to be drawn anew when anything changed.
 */
export class LiveRun {
  readonly version: Signal<number> = signal(0);
  readonly link: Signal<Link> = signal("opening");
  readonly detail: Signal<Schemas["RunDetail"] | undefined> = signal(undefined);
  readonly failure: Signal<Failure | undefined> = signal(undefined);
  /** Whether the whole history was read. */
  readonly ready: Signal<boolean> = signal(false);
  admissions = new Admissions(1);
  readonly events: LoggedEvent[] = [];
  readonly id: number;
  private readonly stop = new AbortController();
  private unfollow: () => void = () => undefined;
  private redraw = 0;
  private drawn = 0;
  private detailTimer = 0;
  private began = 0;

  constructor(id: number) {
    this.id = id;
    this.begin();
  }

  end(): void {
    this.stop.abort();
    this.unfollow();
    clearTimeout(this.redraw);
    clearTimeout(this.detailTimer);
  }

  /** Reads how the run stands now. */
  refresh(): void {
    clearTimeout(this.detailTimer);
    api
      .get("/api/v1/runs/{run}", { path: { run: this.id }, signal: this.stop.signal })
      .then((detail) => {
        this.detail.value = detail;
        this.failure.value = undefined;
        const rests = detail.state === "finished";
        this.detailTimer = window.setTimeout(
          () => this.refresh(),
          rests || document.hidden ? 5 * DETAIL_MS : DETAIL_MS,
        );
      })
      .catch((error: unknown) => this.failed(error, () => this.refresh()));
  }

  private begin(): void {
    this.read().catch((error: unknown) => this.failed(error, () => this.begin()));
  }

  private failed(error: unknown, again: () => void): void {
    if (this.stop.signal.aborted) return;
    if (!(error instanceof Failure)) throw error;
    this.failure.value = error;
    if (error.status !== 404 && error.status !== 401) this.detailTimer = window.setTimeout(again, RETRY_MS);
  }

  private async read(): Promise<void> {
    const signal = this.stop.signal;
    const detail = await api.get("/api/v1/runs/{run}", { path: { run: this.id }, signal });
    this.began = Date.parse(detail.created_at);
    const admissions = new Admissions(detail.direction === "minimize" ? -1 : 1);
    this.detail.value = detail;
    this.failure.value = undefined;
    this.admissions = admissions;
    let page: Schemas["RunHistory"];
    let after = 0;
    do {
      page = await api.get("/api/v1/runs/{run}/history", { path: { run: this.id }, query: { after }, signal });
      admissions.addHistory(page);
      after = page.next;
      this.changed();
    } while (page.next < page.newest);
    this.events.splice(0, this.events.length, ...(await newestEvents(this.id, after, KEPT_EVENTS, signal)));
    if (signal.aborted) return;
    this.ready.value = true;
    this.changed();
    this.unfollow = follow(this.id, after, {
      events: (events) => this.take(events),
      link: (link) => {
        const before = this.link.value;
        this.link.value = link;
        // To know at once whether it is the stream alone.
        if (link === "lost" && before !== "lost") this.refresh();
      },
    });
    this.detailTimer = window.setTimeout(() => this.refresh(), DETAIL_MS);
  }

  private take(events: readonly LoggedEvent[]): void {
    for (const event of events) this.fold(event);
    this.events.push(...events);
    if (this.events.length > 2 * KEPT_EVENTS) this.events.splice(0, this.events.length - KEPT_EVENTS);
    if (events.some((event) => TURNS.has(event.kind))) this.refresh();
    this.changed();
  }

  private fold(event: LoggedEvent): void {
    const number = event.program;
    if (event.kind === "island_spawned" || event.kind === "island_reset") {
      const [island, founder] = [event["island"] as number, event["founder"] as number];
      this.admissions.founded.push({ event: event.number, island, founder });
    }
    if (number === undefined) return;
    if (event.kind === "proposed") {
      const model = (event["model"] as string | null) ?? null;
      const [operator, island, parent] = [
        event["operator"] as Operator,
        event["island"] as number,
        event["parent"] as number,
      ];
      this.admissions.open.set(number, { operator, model, island, parent });
    } else if (event.kind === "refused") {
      this.admissions.open.delete(number);
    } else if (event.kind === "admitted") {
      const made = this.admissions.open.get(number) ?? { operator: "seed", model: null, island: 0, parent: null };
      this.admissions.add(number, made, {
        event: event.number,
        seconds: (Date.parse(event.at) - this.began) / 1000,
        verdict: event["verdict"] as string,
        score: event.score ?? null,
        placement: event["placement"] as "new",
        cell: (event["cell"] as number[] | null) ?? null,
      });
    }
  }

  /** Has everything be drawn anew soon, and not more often than is pleasant. */
  private changed(): void {
    if (this.redraw !== 0) return;
    const wait = Math.max(0, this.drawn + REDRAW_MS - performance.now());
    this.redraw = window.setTimeout(() => {
      this.redraw = 0;
      this.drawn = performance.now();
      this.version.value++;
    }, wait);
  }
}

/** Kept for a while after its view was left, so that the next view of the same run has it at once. */
const KEEP_MS = 20_000;
const kept = new Map<number, { live: LiveRun; users: number; timer: number }>();

/** The live data of a run, shared by all who use it. */
export function useLiveRun(id: number): LiveRun {
  const [live, setLive] = useState(() => opened(id).live);
  useEffect(() => {
    const entry = opened(id);
    entry.users++;
    clearTimeout(entry.timer);
    setLive(entry.live);
    return () => {
      entry.users--;
      if (entry.users === 0) entry.timer = window.setTimeout(() => closed(id), KEEP_MS);
    };
  }, [id]);
  return live.id === id ? live : opened(id).live;
}

/** Forgets all runs: whoever signed out must leave nothing behind. */
export function forgetRuns(): void {
  for (const id of [...kept.keys()]) closed(id);
}

function opened(id: number): { live: LiveRun; users: number; timer: number } {
  let entry = kept.get(id);
  if (entry === undefined) {
    entry = { live: new LiveRun(id), users: 0, timer: 0 };
    kept.set(id, entry);
  }
  return entry;
}

function closed(id: number): void {
  kept.get(id)?.live.end();
  kept.delete(id);
}
