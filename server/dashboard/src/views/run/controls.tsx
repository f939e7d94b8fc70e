import { useState } from "preact/hooks";
import { api, type Failure, type Schemas } from "../../api/client";
import type { LiveRun } from "../../live/run";
import { Field, Form } from "../../parts/dialog";
import { toast } from "../../parts/toasts";
import { may } from "../../session";
import { BudgetForm } from "./budget_form";
import { followed } from "./commands";
import { ModelsForm } from "./models_form";

type Detail = Schemas["RunDetail"];
type Open = "stop" | "budget" | "models" | "idea" | "reopen" | null;

/** What a run can be told, by who may steer it. */
export function Controls({ live, detail }: { live: LiveRun; detail: Detail }) {
  const [open, setOpen] = useState<Open>(null);
  if (!may("steer", detail.project)) return null;
  const path = { run: detail.id };
  const close = () => setOpen(null);
  const ask = (asked: Promise<Schemas["AskedCommand"]>) => asked.then((command) => followed(live, command));
  const now = (asked: Promise<Schemas["AskedCommand"]>) => {
    ask(asked).catch((failure: Failure) => toast(failure.message, { bad: true }));
  };
  const goesOn = detail.state === "running" || detail.state === "paused";
  return (
    <div class="rest">
      {detail.state === "running" && (
        <button type="button" class="button" onClick={() => now(api.post("/api/v1/runs/{run}/pause", { path }))}>
          Pause
        </button>
      )}
      {detail.state === "paused" && (
        <button type="button" class="button first" onClick={() => now(api.post("/api/v1/runs/{run}/resume", { path }))}>
          Resume
        </button>
      )}
      {goesOn && (
        <>
          <button type="button" class="button" onClick={() => setOpen("idea")}>
            Give an idea
          </button>
          <button type="button" class="button" onClick={() => setOpen("budget")}>
            Limits
          </button>
          <button type="button" class="button" onClick={() => setOpen("models")}>
            Models
          </button>
          <button type="button" class="button" onClick={() => setOpen("stop")}>
            Stop
          </button>
        </>
      )}
      {detail.state === "finished" && detail.stop_reason !== "damaged" && (
        <button type="button" class="button" onClick={() => setOpen("reopen")}>
          Let it go on
        </button>
      )}
      {open === "stop" && (
        <Form
          title={`Stop run ${detail.id}?`}
          does="Stop the run"
          harm
          close={close}
          act={() => ask(api.post("/api/v1/runs/{run}/stop", { path }))}
        >
          <p>
            Nothing more is asked for; what is in flight is taken in and the best is verified. Somebody may let it go on
            later, under other limits.
          </p>
        </Form>
      )}
      {open === "budget" && (
        <BudgetForm
          title="Limits of the run"
          does="Set the limits"
          detail={detail}
          close={close}
          act={(budget) => ask(api.put("/api/v1/runs/{run}/budget", { path, body: { budget } }))}
        />
      )}
      {open === "reopen" && (
        <BudgetForm
          title="Let the run go on"
          does="Let it go on"
          detail={detail}
          close={close}
          act={async (budget) => {
            await api.post("/api/v1/runs/{run}/reopen", { path, body: { budget } });
            live.refresh();
          }}
        />
      )}
      {open === "models" && (
        <ModelsForm
          detail={detail}
          close={close}
          act={(models) => ask(api.put("/api/v1/runs/{run}/models", { path, body: { models } }))}
        />
      )}
      {open === "idea" && (
        <IdeaForm
          close={close}
          act={(text, prompts) =>
            ask(api.post("/api/v1/runs/{run}/commands", { path, body: { kind: "inject_idea", text, prompts } }))
          }
        />
      )}
    </div>
  );
}

function IdeaForm({
  close,
  act,
}: {
  close: () => void;
  act: (text: string, prompts: number | null) => Promise<unknown>;
}) {
  const [text, setText] = useState("");
  const [prompts, setPrompts] = useState("");
  return (
    <Form
      title="Give the models an idea"
      does="Give the idea"
      close={close}
      act={() => act(text, prompts === "" ? null : Number(prompts))}
    >
      {(failure) => (
        <>
          <Field
            label="Idea"
            value={text}
            change={setText}
            lines={5}
            required
            wrong={failure?.at("inject_idea.text")}
            about="Told to the models as it stands, with each prompt for a new child. At most 4,000 characters."
          />
          <Field
            label="Prompts"
            type="number"
            value={prompts}
            change={setPrompts}
            placeholder="until it is withdrawn"
            wrong={failure?.at("inject_idea.prompts")}
            about="So many prompts are told it."
          />
        </>
      )}
    </Form>
  );
}
