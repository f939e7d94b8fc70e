import { useState } from "preact/hooks";
import { api, type Failure, type Schemas } from "../../api/client";
import { Field, Form } from "../../parts/dialog";
import { Check, Select } from "../../parts/fields";
import { Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { go } from "../../router";
import { money } from "../../words";
import { type Choices, configOf, LIMITS, NUMBERS, number, ORDERS, readDefaults, STRATEGIES, UNITS } from "./config";

type Model = Schemas["ModelLine"];

/** Starts a run of a problem, with every choice and its default before the eyes. */
export function StartForm(props: {
  revision: string;
  projects: readonly (readonly [number, string])[];
  /** Whether evaluations of the problem hold GPUs. */
  gpus: boolean;
  close: () => void;
}) {
  const [project, setProject] = useState(props.projects[0]?.[0] ?? 1);
  const read = usePoll(
    `to start ${project}`,
    async (signal) => ({
      models: (await api.get("/api/v1/models", { query: { project }, signal })).items,
      defaults: await readDefaults(signal),
    }),
    0,
  );
  const [chosen, setChosen] = useState<Choices>();
  const [seed, setSeed] = useState("");
  const act = async () => {
    const choices = chosen ?? read.data?.defaults;
    if (choices === undefined) return;
    const drawn = number(seed);
    const body = {
      problem: props.revision,
      project,
      config: configOf(choices),
      ...(drawn === undefined ? {} : { seed: drawn }),
    };
    const started = await api.post("/api/v1/runs", { body: body as Schemas["RunRequest"] });
    go(`/runs/${started.id}`);
  };
  return (
    <Form title="Start a run" does="Start the run" close={props.close} act={act}>
      {(failure) => (
        <Ready of={read} waiting={<Loading what="the models and defaults" heights={[60, 60, 60]} />}>
          {({ models, defaults }) => (
            <div class="start">
              {props.projects.length > 1 && (
                <Select
                  label="Project"
                  value={String(project)}
                  options={props.projects.map(([id, name]) => [String(id), name])}
                  change={(value) => setProject(Number(value))}
                  wrong={failure?.at("project")}
                />
              )}
              <Fields
                choices={chosen ?? defaults}
                change={setChosen}
                models={models}
                failure={failure}
                gpus={props.gpus}
              />
              <Field
                label="Random seed"
                type="number"
                value={seed}
                change={setSeed}
                placeholder="drawn"
                about="the same one makes the same choices"
                wrong={failure?.at("seed")}
              />
            </div>
          )}
        </Ready>
      )}
    </Form>
  );
}

interface Given {
  choices: Choices;
  change: (choices: Choices) => void;
  failure: Failure | undefined;
}

function Fields({ choices, change, models, failure, gpus }: Given & { models: readonly Model[]; gpus: boolean }) {
  return (
    <>
      <p class="soft">The first limit that is reached ends the run; without one it goes on until somebody stops it.</p>
      <div class="side-by-side">
        {LIMITS.filter(([name]) => gpus || name !== "gpu_seconds").map(([name, label, about]) => (
          <Field
            key={name}
            label={label}
            type="number"
            value={choices.limits[name] ?? ""}
            change={(value) => change({ ...choices, limits: { ...choices.limits, [name]: value } })}
            placeholder="no limit"
            about={about}
            wrong={failure?.at(`config.budget.${UNITS[name]?.[0] ?? name}`)}
          />
        ))}
      </div>
      <Select
        label="Strategy"
        value={choices.strategy}
        options={STRATEGIES}
        change={(strategy) => change({ ...choices, strategy })}
        wrong={failure?.at("config.strategy")}
      />
      <Models choices={choices} change={change} models={models} failure={failure} />
      <details>
        <summary>All other choices, with their defaults</summary>
        <More choices={choices} change={change} failure={failure} />
      </details>
    </>
  );
}

function Models({ choices, change, models, failure }: Given & { models: readonly Model[] }) {
  const wrong = failure?.problem?.errors.find((one) => one.field.startsWith("body.config.models"))?.message;
  const ask = (name: string, weight: string | null) => {
    const { [name]: _, ...others } = choices.models;
    change({ ...choices, models: weight === null ? others : { ...others, [name]: weight } });
  };
  return (
    <fieldset class="models">
      <legend>Models</legend>
      {models.length === 0 && (
        <p class="faint">None is configured; programs change without models. docs/models.md says how to add one.</p>
      )}
      {models.map((model) => (
        <div key={model.name} class="model">
          <Check
            label={model.name}
            about={priceOf(model)}
            value={model.name in choices.models}
            change={(on) => ask(model.name, on ? "1" : null)}
          />
          {model.name in choices.models && (
            <input
              class="input number"
              inputMode="decimal"
              aria-label={`Weight of ${model.name}`}
              value={choices.models[model.name]}
              onInput={(event) => ask(model.name, event.currentTarget.value)}
            />
          )}
        </div>
      ))}
      {wrong !== undefined && <p class="wrong">{wrong}</p>}
    </fieldset>
  );
}

function priceOf(model: Model): string {
  if (model.kind === "people") return "people answer";
  if (model.price_in === null && model.price_out === null) return "no price";
  return `${money(model.price_in)} in, ${money(model.price_out)} out a million tokens`;
}

function More({ choices, change, failure }: Given) {
  return (
    <div class="start">
      <div class="side-by-side">
        {NUMBERS.map(([name, label, about]) => (
          <Field
            key={name}
            label={label}
            type="number"
            value={choices.numbers[name] ?? ""}
            change={(value) => change({ ...choices, numbers: { ...choices.numbers, [name]: value } })}
            about={about}
            wrong={failure?.at(`config.${name}`)}
          />
        ))}
      </div>
      <Select
        label="Order"
        value={choices.order}
        options={ORDERS}
        change={(order) => change({ ...choices, order })}
        wrong={failure?.at("config.order")}
      />
      <Check
        label="Mutate"
        about="change programs without a model"
        value={choices.mutate}
        change={(mutate) => change({ ...choices, mutate })}
      />
      <Check
        label="Tune"
        about="search the numbers in good programs"
        value={choices.tune}
        change={(tune) => change({ ...choices, tune })}
      />
    </div>
  );
}
