import { api, type Schemas } from "../../api/client";
import { Bar, Card, Tile, Tiles } from "../../parts/small";
import { Command, Empty, Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { ago, count, duration, share, visible } from "../../words";
import { Gpus } from "./gpus";
import { gpusInWords, KINDS, type Kind, totals } from "./totals";
import "./fleet.css";

type Process = Schemas["Process"];
type Waiting = Schemas["Waiting"];
const POLL_MS = 3_000;
const STARTS: Record<Kind, string> = {
  server: "python -m server",
  controller: "python -m controller",
  workers: "python -m workers",
  evaluators: "python -m evaluators",
};
const DOES: Record<Kind, string> = {
  server: "answer this page",
  controller: "choose parents, and take in what was judged",
  workers: "make children of programs",
  evaluators: "judge programs",
};

/** Which processes live, how busy they are, and what waits for them. */
export default function Fleet() {
  const polled = usePoll("fleet", (signal) => api.get("/api/v1/fleet", { signal }), POLL_MS);
  return (
    <div class="stack fleet">
      <div class="head">
        <h1>Fleet</h1>
      </div>
      <Ready of={polled} waiting={<Loading what="the fleet" heights={[80, 160, 160]} />}>
        {(fleet) => <Shown fleet={fleet} />}
      </Ready>
    </div>
  );
}

function Shown({ fleet }: { fleet: Schemas["Fleet"] }) {
  const all = totals(fleet);
  return (
    <>
      <Tiles>
        <Tile
          name="Processes"
          value={count(all.alive)}
          note={all.lost === 0 ? "all alive" : `${count(all.lost)} lost within the hour`}
        />
        <Tile
          name="Slots busy"
          value={`${count(all.busy)} of ${count(all.slots)}`}
          note={all.slots === 0 ? "no evaluator lives" : `${share(all.busy / all.slots)} of all evaluators`}
        />
        {fleet.gpus.length > 0 && (
          <Tile
            name="GPUs held"
            value={`${count(fleet.gpus.filter((one) => one.held_s !== null).length)} of ${count(fleet.gpus.length)}`}
            note={gpusInWords(fleet.gpus).replace(/^.*: /, "")}
          />
        )}
        <Tile name="Waiting" value={count(all.waiting)} note="proposals and evaluations" />
        <Tile name="Under a lease" value={count(all.held)} note="being worked on" />
      </Tiles>
      {all.missing.map((kind) => (
        <section key={kind} class="card missing" role="status">
          <p>
            <strong>No {kind} live</strong>
            <span class="soft">: nobody is there to {DOES[kind]}. Start one, or all with </span>
            <code>galapagos serve</code>.
          </p>
          <Command>{STARTS[kind]}</Command>
        </section>
      ))}
      <Processes processes={fleet.processes} />
      {fleet.gpus.length > 0 && <Gpus gpus={fleet.gpus} />}
      <Queues queues={fleet.queues} />
    </>
  );
}

function Processes({ processes }: { processes: readonly Process[] }) {
  const order = (one: Process) => 2 * KINDS.indexOf(one.kind as Kind) + (one.state === "lost" ? 1 : 0);
  const sorted = [...processes].sort((one, other) => order(one) - order(other) || one.id - other.id);
  return (
    <Card title="Processes" rest={<span class="faint">lost: not heard of for 20 s</span>}>
      <div class="scroll">
        <table class="stacked">
          <thead>
            <tr>
              <th>Kind</th>
              <th>State</th>
              <th>Slots busy</th>
              <th>Host</th>
              <th>Tier</th>
              <th>Machine</th>
              <th>Version</th>
              <th>Since</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((one) => (
              <ProcessRow key={one.id} process={one} />
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function ProcessRow({ process }: { process: Process }) {
  const now = Date.now();
  const lost = process.state === "lost";
  return (
    <tr class={lost ? "lost" : ""}>
      <td class="name">
        {process.kind} <span class="faint number">{process.id}</span>
      </td>
      <td data-name="State">
        <span class={lost ? "badge bad" : "badge good"}>{process.state}</span>
        {lost && <div class="about">heard {ago(Date.parse(process.heard_at), now)}</div>}
      </td>
      <td data-name="Slots busy">
        {process.slots === null ? (
          <span class="faint">–</span>
        ) : (
          <div class="used">
            <span class="number">
              {count(process.busy_slots)} <span class="faint">of {count(process.slots)}</span>
            </span>
            <Bar used={process.busy_slots ?? 0} limit={process.slots} name="Slots busy" />
          </div>
        )}
      </td>
      <td data-name="Host" class="host">
        {process.host === null ? <span class="faint">–</span> : visible(process.host)}
      </td>
      <td data-name="Tier">{process.tier ?? <span class="faint">–</span>}</td>
      <td data-name="Machine" class="number" title={process.machine ?? undefined}>
        {process.machine?.slice(0, 8) ?? <span class="faint">–</span>}
      </td>
      <td data-name="Version" class="number">
        {visible(process.version)}
      </td>
      <td data-name="Since" class="number soft">
        {ago(Date.parse(process.started_at), now)}
      </td>
    </tr>
  );
}

function Queues({ queues }: { queues: Schemas["Fleet"]["queues"] }) {
  return (
    <Card title="Queues" rest={<span class="faint">of the runs of your projects</span>}>
      {queues.length === 0 ? (
        <Empty title="Nothing waits">
          <p>A run that goes on has proposals and evaluations here. Start one, and they come:</p>
          <Command>galapagos remote start circle_packing_26 --seconds 600</Command>
        </Empty>
      ) : (
        <div class="scroll">
          <table class="stacked">
            <thead>
              <tr>
                <th>Run</th>
                <th>Queue</th>
                <th>Waiting</th>
                <th>Oldest waits</th>
                <th>Under a lease</th>
                <th>Oldest held</th>
                <th>First lease ends</th>
              </tr>
            </thead>
            <tbody>
              {queues.flatMap((one) => [
                <QueueRow key={`${one.run} p`} run={one} name="proposals" queue={one.proposals} />,
                <QueueRow key={`${one.run} e`} run={one} name="evaluations" queue={one.evaluations} />,
              ])}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function QueueRow({ run, name, queue }: { run: Schemas["RunQueues"]; name: string; queue: Waiting }) {
  const left = queue.lease_left_s;
  return (
    <tr>
      <td class="name">
        <a href={`/runs/${run.run}`}>
          <span class="number">#{run.run}</span> {visible(run.title)}
        </a>
      </td>
      <td data-name="Queue">{name}</td>
      <td data-name="Waiting" class="number">
        {count(queue.waiting)}
      </td>
      <td data-name="Oldest waits" class="number">
        {duration(queue.oldest_waiting_s)}
      </td>
      <td data-name="Under a lease" class="number">
        {count(queue.held)}
      </td>
      <td data-name="Oldest held" class="number">
        {duration(queue.oldest_held_s)}
      </td>
      <td data-name="First lease ends" class="number">
        {left !== null && left < 0 ? (
          <span class="late">{duration(-left)} ago</span>
        ) : left === null ? (
          "–"
        ) : (
          `in ${duration(left)}`
        )}
      </td>
    </tr>
  );
}
