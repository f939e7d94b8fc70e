import { useState } from "preact/hooks";
import { api, type Schemas } from "../../api/client";
import { Field, Form } from "../../parts/dialog";
import { Command, Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { money } from "../../words";

type Choice = Schemas["ModelChoice"];

/** Which models a run asks from now on, and how often each against the others. */
export function ModelsForm({
  detail,
  close,
  act,
}: {
  detail: Schemas["RunDetail"];
  close: () => void;
  act: (models: Choice[]) => Promise<unknown>;
}) {
  const known = usePoll(
    `models ${detail.project}`,
    (signal) => api.get("/api/v1/models", { query: { project: detail.project, limit: 200 }, signal }),
    0,
  );
  const [weights, setWeights] = useState<Record<string, string>>(
    Object.fromEntries(detail.config.models.map((one) => [one.name, String(one.weight)])),
  );
  const chosen = (): Choice[] =>
    Object.entries(weights).flatMap(([name, weight]) => {
      const before = detail.config.models.find((one) => one.name === name);
      return weight.trim() === "" || Number(weight) === 0
        ? []
        : [{ name, weight: Number(weight), in_flight: before?.in_flight ?? null }];
    });
  return (
    <Form title="Models of the run" does="Set the models" close={close} act={() => act(chosen())}>
      <Ready of={known} waiting={<Loading what="the models" heights={[52, 52]} />}>
        {({ items }) =>
          items.length === 0 ? (
            <>
              <p class="soft">
                This installation names no models, or none that this project may use. Name them in a file, and start the
                service with it:
              </p>
              <Command>GALAPAGOS_MODELS=models.toml galapagos serve</Command>
            </>
          ) : (
            <>
              <p class="soft">
                Each is asked in proportion to its weight, from the next proposal on. Without a weight it is not asked.
              </p>
              {items.map((model) => (
                <Field
                  key={model.name}
                  label={model.name}
                  type="number"
                  value={weights[model.name] ?? ""}
                  change={(value) => setWeights({ ...weights, [model.name]: value })}
                  placeholder="not asked"
                  about={about(model)}
                />
              ))}
            </>
          )
        }
      </Ready>
    </Form>
  );
}

function about(model: Schemas["ModelLine"]): string {
  if (model.kind === "people") return "people and agents";
  if (model.price_in === null || model.price_out === null) return "no price is known";
  return `${money(model.price_in)} in, ${money(model.price_out)} out, for a million tokens`;
}
