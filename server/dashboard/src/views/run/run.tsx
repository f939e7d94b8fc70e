import type { Schemas } from "../../api/client";
import type { LiveRun } from "../../live/run";
import { LongText } from "../../parts/long_text";
import { Card } from "../../parts/small";
import { may } from "../../session";
import { Feed } from "./feed";
import { RunFrame, WHY_SHOWN } from "./frame";
import { People } from "./people";
import { Scores } from "./scores";
import { Standing } from "./standing";
import { Makers, Outcomes, Spending, useCounts, useSpend } from "./tallies";

/** One run as it goes on. */
export default function RunView({ run }: Record<string, string>) {
  return <RunFrame run={run ?? ""}>{(live, detail) => <Overview live={live} detail={detail} />}</RunFrame>;
}

function Overview({ live, detail }: { live: LiveRun; detail: Schemas["RunDetail"] }) {
  const inspects = may("inspect", detail.project);
  const counts = useCounts(detail);
  const spend = useSpend(detail, inspects);
  return (
    <div class="stack">
      {(detail.stop_detail ?? "").length > WHY_SHOWN && (
        <Card title="Why it ended">
          <LongText text={detail.stop_detail ?? ""} label="Why the run ended" />
        </Card>
      )}
      <Standing live={live} detail={detail} />
      <Scores live={live} detail={detail} />
      <div class="columns">
        <div class="stack">
          <Makers counts={counts} spend={spend.data ?? null} />
          <Outcomes counts={counts} />
          {inspects && <Spending live={live} spend={spend} />}
          <People live={live} detail={detail} />
        </div>
        <Feed live={live} />
      </div>
    </div>
  );
}
