import { api } from "../../api/client";
import { usePoll } from "../../poll";
import { count } from "../../words";
import { gpusInWords, gpuTone, KINDS, totals } from "../fleet/totals";

const POLL_MS = 5_000;

/** Whether everybody is there whom runs need, in one line; the page of the fleet says more. */
export function Health() {
  const fleet = usePoll("health", (signal) => api.get("/api/v1/fleet", { signal }), POLL_MS).data;
  if (fleet === undefined) return <div class="health" aria-hidden="true" />;
  const all = totals(fleet);
  return (
    <section class="health small" aria-label="Health of the fleet">
      {KINDS.filter((kind) => kind !== "server").map((kind) => {
        const alive = fleet.processes.filter((one) => one.kind === kind && one.state === "alive").length;
        return (
          <span key={kind} class={alive === 0 ? "badge bad" : "badge good"}>
            {alive === 0 ? `no ${kind}` : alive === 1 ? kind : `${count(alive)} ${kind}`}
          </span>
        );
      })}
      {fleet.gpus.length > 0 && <span class={`badge ${gpuTone(fleet.gpus)}`}>{gpusInWords(fleet.gpus)}</span>}
      {all.lost > 0 && <span class="badge warn">{count(all.lost)} lost within the hour</span>}
      <span class="soft number">
        {count(all.busy)} of {count(all.slots)} slots busy, {count(all.waiting)} waiting
      </span>
      <a href="/fleet">Fleet</a>
    </section>
  );
}
