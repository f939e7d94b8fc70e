import { useState } from "preact/hooks";
import { api, type Failure, type Schemas } from "../../api/client";
import { Field, Form } from "../../parts/dialog";
import { toast } from "../../parts/toasts";
import { go } from "../../router";
import { may } from "../../session";
import type { Known } from "./program";

type Open = "pin" | "ban" | "fork" | null;
type Told = Parameters<typeof tell>[1];

/** What can be done with a program, by whom it may. */
export function Actions({ known, again }: { known: Known; again: () => void }) {
  const { run, program } = known;
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const steers = may("steer", run.project);
  const goesOn = run.state === "running" || run.state === "paused";
  const told = (command: Told) => tell(run.id, command).then(() => void setTimeout(again, 900));
  const now = (command: Told) => void told(command).catch((failure: Failure) => toast(failure.message, { bad: true }));
  const scored = program.evaluation?.verdict === "scored";
  return (
    <div class="rest">
      <Download known={known} />
      {may("submit", run.project) && scored && (
        <button type="button" class="button" onClick={() => setOpen("fork")}>
          Fork a run from it
        </button>
      )}
      {steers && goesOn && scored && !program.banned && (
        <button
          type="button"
          class="button"
          onClick={() => (program.pinned === null ? setOpen("pin") : now({ kind: "unpin", program: program.number }))}
        >
          {program.pinned === null ? "Pin" : "Unpin"}
        </button>
      )}
      {steers && goesOn && program.number > 0 && (
        <button
          type="button"
          class="button"
          onClick={() =>
            program.banned ? now({ kind: "unban", program: program.number, descendants: false }) : setOpen("ban")
          }
        >
          {program.banned ? "Unban" : "Ban"}
        </button>
      )}
      {open === "pin" && <Pinning number={program.number} close={close} act={told} />}
      {open === "ban" && <Banning number={program.number} close={close} act={told} />}
      {open === "fork" && (
        <Form
          title={`Fork a run from program ${program.number}?`}
          does="Start the run"
          close={close}
          act={async () => {
            const made = await api.post("/api/v1/runs/{run}/fork", {
              path: { run: run.id },
              body: { program: program.number },
            });
            go(`/runs/${made.id}`);
          }}
        >
          <p>
            A new run of the same problem begins with this program as its seed, with the settings and limits of this
            run.
          </p>
        </Form>
      )}
    </div>
  );
}

async function tell(run: number, command: Schemas["Pin"] | Schemas["Unpin"] | Schemas["Ban"] | Schemas["Unban"]) {
  await api.post("/api/v1/runs/{run}/commands", { path: { run }, body: command });
  toast(`The run is told: ${command.kind} program ${command.program}.`);
}

interface Asked {
  number: number;
  close: () => void;
  act: (command: Told) => Promise<unknown>;
}

function Pinning({ number, close, act }: Asked) {
  const [percent, setPercent] = useState("10");
  return (
    <Form
      title={`Pin program ${number}`}
      does="Pin it"
      close={close}
      act={() => act({ kind: "pin", program: number, share: Number(percent) / 100 })}
    >
      {(failure) => (
        <Field
          label="Share of the children, in percent"
          type="number"
          value={percent}
          change={setPercent}
          required
          wrong={failure?.at("pin.share")}
          about="So many children get it as their parent, whatever the archive holds; all pins together at most 90 %."
        />
      )}
    </Form>
  );
}

function Banning({ number, close, act }: Asked) {
  const [family, setFamily] = useState(false);
  return (
    <Form
      title={`Ban program ${number}?`}
      does="Ban it"
      harm
      close={close}
      act={() => act({ kind: "ban", program: number, descendants: family })}
    >
      <p>
        It is never chosen again: not as parent, inspiration, best or champion, and its verified score is forgotten. It
        may be unbanned later.
      </p>
      <label>
        <input type="checkbox" checked={family} onChange={(event) => setFamily(event.currentTarget.checked)} /> and all
        that came and will come of it
      </label>
    </Form>
  );
}

/** The source as a file, made by the browser itself. */
function Download({ known: { run, program } }: { known: Known }) {
  const save = () => {
    for (const [path, text] of Object.entries(program.files)) {
      const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
      const link = document.createElement("a");
      link.href = address;
      link.download = `run-${run.id}-program-${program.number}-${path.replaceAll("/", "_")}`;
      link.click();
      URL.revokeObjectURL(address);
    }
  };
  return (
    <button type="button" class="button" onClick={save}>
      Download
    </button>
  );
}
