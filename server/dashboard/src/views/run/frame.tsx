import type { ComponentChildren } from "preact";
import type { Schemas } from "../../api/client";
import { type LiveRun, useLiveRun } from "../../live/run";
import { StateBadge } from "../../parts/small";
import { Gone, Loading } from "../../parts/states";
import { leads } from "../../paths";
import { place } from "../../router";
import { shortened, spaced, visible } from "../../words";
import { Controls } from "./controls";
import "./run.css";

interface Tab {
  name: string;
  /** Behind `/runs/7`. */
  at: string;
}

/** The views of one run. */
const TABS: readonly Tab[] = [
  { name: "Overview", at: "" },
  { name: "Archive", at: "/archive" },
  { name: "Lineage", at: "/lineage" },
];

/** What stands above every view of a run: what it is, how it stands, what it can be told, and its other views. */
export function RunFrame(props: {
  run: string;
  children: (live: LiveRun, detail: Schemas["RunDetail"]) => ComponentChildren;
}) {
  const live = useLiveRun(Number(props.run));
  const detail = live.detail.value;
  const failure = live.failure.value;
  if (detail === undefined) {
    if (failure !== undefined && failure.status !== 0) {
      return <Gone what={`Run ${props.run}`} failure={failure} back={[["/", "All runs"]]} />;
    }
    return <Loading what="the run" heights={[44, 92, 420]} />;
  }
  return (
    <>
      <div class="head">
        <div class="run-title">
          <p class="faint small number">
            <a href="/">Runs</a> / #{detail.id} · {detail.problem}
            {detail.origin !== null && (
              <>
                {" "}
                · forked from <a href={`/runs/${detail.origin.run}`}>#{detail.origin.run}</a>, program{" "}
                {detail.origin.program}
              </>
            )}
          </p>
          <h1>{visible(detail.title)}</h1>
        </div>
        <StateBadge run={detail} />
        {detail.stop_reason !== null && <Ended detail={detail} />}
        {!detail.score_isolated && <span class="badge warn plain">score not isolated</span>}
        <Controls live={live} detail={detail} />
      </div>
      {TABS.length > 1 && (
        <nav class="tabs" aria-label="Views of the run">
          {TABS.map((tab) => {
            const to = `/runs/${props.run}${tab.at}`;
            return (
              <a key={tab.at} href={to} aria-current={leads(place.value.path, to) ? "page" : undefined}>
                {tab.name}
              </a>
            );
          })}
        </nav>
      )}
      {live.link.value === "lost" && (
        <p class="lost" role="status">
          The stream of this run is interrupted. It comes back by itself, and nothing will be missing.
        </p>
      )}
      {props.children(live, detail)}
    </>
  );
}

/** Characters of why a run ended that stand beside its state; the overview has all of it. */
export const WHY_SHOWN = 120;

function Ended({ detail }: { detail: Schemas["RunDetail"] }) {
  const why = detail.stop_reason === null ? "" : spaced(detail.stop_reason);
  const said = shortened(detail.stop_detail ?? "", WHY_SHOWN);
  return <span class="soft small ended">{said === "" ? `ended by: ${why}` : `${why}: ${said}`}</span>;
}
