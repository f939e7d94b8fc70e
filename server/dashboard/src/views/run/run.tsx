import type { Schemas } from "../../api/client";
import type { LiveRun } from "../../live/run";
import { may } from "../../session";
import { Feed } from "./feed";
import { RunFrame } from "./frame";
import { Scores } from "./scores";
import { Standing } from "./standing";
import { Makers, Outcomes, Spending } from "./tallies";

/** One run as it goes on. */
export default function RunView({ run }: Record<string, string>) {
  return <RunFrame run={run ?? ""}>{(live, detail) => <Overview live={live} detail={detail} />}</RunFrame>;
}

function Overview({ live, detail }: { live: LiveRun; detail: Schemas["RunDetail"] }) {
  const inspects = may("inspect", detail.project);
  return (
    <div class="stack">
      <Standing live={live} detail={detail} />
      <Scores live={live} detail={detail} />
      <div class="columns">
        <div class="stack">
          <Makers detail={detail} />
          <Outcomes detail={detail} />
          {inspects && <Spending live={live} detail={detail} />}
        </div>
        <Feed live={live} />
      </div>
    </div>
  );
}
