import type { Schemas } from "../../api/client";
import { Bar, Card } from "../../parts/small";
import { ago, count, duration, NONE, spaced, visible } from "../../words";
import { gpusInWords } from "./totals";

type Gpu = Schemas["FleetGpu"];
const BADGES: Record<Gpu["health"], string> = { free: "good", leased: "note", busy: "warn", lost: "bad" };
const GIB = 1024;

/** The GPUs of all evaluators: how each fares, and who has it. */
export function Gpus({ gpus }: { gpus: readonly Gpu[] }) {
  return (
    <Card title="GPUs" rest={<span class="faint">{gpusInWords(gpus)}</span>}>
      <div class="scroll">
        <table class="stacked">
          <thead>
            <tr>
              <th>GPU</th>
              <th>Health</th>
              <th>Held for</th>
              <th>Memory</th>
              <th>Temperature</th>
              <th>Power</th>
              <th>Clock</th>
              <th>Host</th>
            </tr>
          </thead>
          <tbody>
            {gpus.map((one) => (
              <GpuRow key={one.uuid} gpu={one} />
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function GpuRow({ gpu }: { gpu: Gpu }) {
  const silent = gpu.health === "lost";
  return (
    <tr class={silent ? "lost" : ""}>
      <td class="name" title={visible(gpu.uuid)}>
        {visible(gpu.model)}
        <div class="about number">
          {visible(gpu.uuid.slice(0, 12))} · driver {visible(gpu.driver)}
        </div>
      </td>
      <td data-name="Health">
        <span class={`badge ${BADGES[gpu.health]}`}>{gpu.health}</span>
        {gpu.cause !== "" && <div class="about">{visible(gpu.cause)}</div>}
        {silent && <div class="about">heard {ago(Date.parse(gpu.heard_at), Date.now())}</div>}
      </td>
      <td data-name="Held for">
        <Holder gpu={gpu} />
      </td>
      <td data-name="Memory">
        <div class="used">
          <span class="number">
            {gpu.memory_used_mib === null ? NONE : gib(gpu.memory_used_mib)}{" "}
            <span class="faint">of {gib(gpu.memory_mib)}</span>
          </span>
          {gpu.memory_used_mib !== null && <Bar used={gpu.memory_used_mib} limit={gpu.memory_mib} name="Memory used" />}
        </div>
      </td>
      <td data-name="Temperature" class="number">
        {gpu.temperature_c === null ? NONE : `${gpu.temperature_c} °C`}
      </td>
      <td data-name="Power" class="number">
        {gpu.power_w === null ? NONE : `${count(Math.round(gpu.power_w))} W`}
        {gpu.power_limit_w !== null && <span class="faint"> of {count(Math.round(gpu.power_limit_w))} W</span>}
      </td>
      <td data-name="Clock" class="number">
        {gpu.sm_clock_mhz === null ? NONE : `${count(gpu.sm_clock_mhz)} MHz`}
        {gpu.sm_clock_max_mhz !== null && <span class="faint"> of {count(gpu.sm_clock_max_mhz)} MHz</span>}
        {gpu.throttle.length > 0 && <div class="about">{gpu.throttle.map((why) => spaced(why)).join(", ")}</div>}
      </td>
      <td data-name="Host" class="host">
        {gpu.host === null ? <span class="faint">{NONE}</span> : visible(gpu.host)}
      </td>
    </tr>
  );
}

function Holder({ gpu }: { gpu: Gpu }) {
  if (gpu.held_s === null) return <span class="faint">{NONE}</span>;
  return (
    <>
      {gpu.run === null ? (
        "a run of others"
      ) : (
        <a href={`/runs/${gpu.run}`}>
          run <span class="number">#{gpu.run}</span>
        </a>
      )}
      <div class="about number">
        {gpu.project !== null && `project ${gpu.project}, `}for {duration(gpu.held_s)}
      </div>
    </>
  );
}

function gib(mib: number): string {
  return mib < GIB ? `${count(mib)} MiB` : `${count(Math.round(mib / GIB))} GiB`;
}
