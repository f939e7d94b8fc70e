import { api, type Schemas } from "../../api/client";
import { readPages } from "../../api/pages";
import type { LiveRun } from "../../live/run";
import { toast } from "../../parts/toasts";
import { session } from "../../session";
import { spaced } from "../../words";

export type Asked = Schemas["AskedCommand"];
type OfPeople = "inject_idea" | "withdraw_idea" | "annotate";
const PAGE = 200;
const MOST_PAGES = 50;

/** What a run was told of these kinds, oldest first. */
export async function toldOf(run: number, kind: OfPeople[], signal: AbortSignal): Promise<Asked[]> {
  const { lines } = await readPages(MOST_PAGES, PAGE, (query) =>
    api.get("/api/v1/runs/{run}/commands", { path: { run }, query: { ...query, kind }, signal }),
  );
  return lines;
}

/** Who asked, as far as whoever looks may know. */
export function whoAsked(asked: Asked): string {
  const now = session.value;
  if (asked.person === null) return "from the command line";
  return now.state === "in" && now.me.person === asked.person ? "by you" : `by person ${asked.person}`;
}

const LOOK_MS = 500;
const LOOKS = 20;

/** Tells what the run's controller made of a command, as soon as it did. */
export async function followed(live: LiveRun, asked: Schemas["AskedCommand"]): Promise<void> {
  live.refresh();
  watch(live, asked, LOOKS);
}

function watch(live: LiveRun, asked: Schemas["AskedCommand"], looks: number): void {
  setTimeout(() => {
    find(live.id, asked.id).then(
      (found) => {
        if (found?.state === "taken") {
          toast(`Run ${live.id}: ${spaced(asked.kind)} is in force.`);
          live.refresh();
        } else if (found?.state === "refused")
          toast(`Run ${live.id} refused ${spaced(asked.kind)}: ${found.detail}`, { bad: true });
        else if (looks > 0) watch(live, asked, looks - 1);
        else
          toast(`Run ${live.id}: ${spaced(asked.kind)} still waits for a controller. Is one running?`, {
            bad: true,
          });
      },
      () => undefined,
    );
  }, LOOK_MS);
}

async function find(run: number, id: number): Promise<Schemas["AskedCommand"] | undefined> {
  let cursor: string | null = null;
  do {
    const query = { limit: 200, ...(cursor === null ? {} : { cursor }) };
    const page: Schemas["Page_AskedCommand_"] = await api.get("/api/v1/runs/{run}/commands", { path: { run }, query });
    const found = page.items.find((one) => one.id === id);
    if (found !== undefined) return found;
    cursor = page.next;
  } while (cursor !== null);
  return undefined;
}
