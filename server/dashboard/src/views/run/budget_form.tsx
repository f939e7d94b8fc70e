import { useState } from "preact/hooks";
import { Failure, type Schemas } from "../../api/client";
import { Field, Form } from "../../parts/dialog";
import { count, duration, gpuTime, money } from "../../words";

type Budget = Schemas["Budget"];
type Name = keyof Budget;

/** A number that somebody typed into a field; an empty one is null. Raises the failure that the service would tell. */
export function typed(text: string, field: string): number | null {
  const plain = text.replace(/[,\s]/g, "");
  if (plain === "") return null;
  const value = Number(plain);
  if (Number.isFinite(value)) return value;
  const message = `expected a number; got ${text}; leave it empty for no limit`;
  const errors = [{ field: `body.${field}`, message }];
  throw new Failure(422, {
    type: "urn:galapagos:invalid",
    title: "Unprocessable",
    status: 422,
    detail: message,
    errors,
  });
}

/** All limits of a run, counted from its beginning. */
export function BudgetForm(props: {
  title: string;
  does: string;
  detail: Schemas["RunDetail"];
  close: () => void;
  act: (budget: Budget) => Promise<unknown>;
}) {
  const { detail } = props;
  const now = detail.config.budget;
  const [texts, setTexts] = useState<Record<Name, string>>({
    evaluations: shown(now.evaluations),
    seconds: shown(now.seconds),
    micro_dollars: typeof now.micro_dollars === "number" ? String(now.micro_dollars / 1e6) : "",
    tokens: shown(now.tokens),
    gpu_milliseconds: typeof now.gpu_milliseconds === "number" ? String(now.gpu_milliseconds / 1000) : "",
    target: shown(now.target),
  });
  const act = async () => {
    const dollars = typed(texts.micro_dollars, "budget.micro_dollars");
    const gpuSeconds = typed(texts.gpu_milliseconds, "budget.gpu_milliseconds");
    return props.act({
      evaluations: typed(texts.evaluations, "budget.evaluations"),
      seconds: typed(texts.seconds, "budget.seconds"),
      micro_dollars: dollars === null ? null : Math.round(1e6 * dollars),
      tokens: typed(texts.tokens, "budget.tokens"),
      gpu_milliseconds: gpuSeconds === null ? null : Math.round(1000 * gpuSeconds),
      target: typed(texts.target, "budget.target"),
    });
  };
  const fields: readonly (readonly [Name, string, string])[] = [
    ["evaluations", "Evaluations", `${count(detail.evaluations)} so far`],
    ["seconds", "Seconds of active time", `${duration(detail.seconds)} so far`],
    [
      "micro_dollars",
      "Dollars",
      detail.spent_micro_dollars === null ? "" : `${money(detail.spent_micro_dollars)} so far`,
    ],
    [
      "tokens",
      "Tokens",
      detail.money === null ? "" : `${count(detail.money.tokens_in + detail.money.tokens_out)} so far`,
    ],
    ["gpu_milliseconds", "GPU seconds", `${gpuTime(detail.gpu_milliseconds)} so far`],
    ["target", "Target score", "ends the run when it is reached"],
  ];
  const held = detail.gpus > 0 || typeof now.gpu_milliseconds === "number";
  const wanted = fields.filter(([name]) => name !== "gpu_milliseconds" || held);
  return (
    <Form title={props.title} does={props.does} close={props.close} act={act}>
      {(failure) => (
        <>
          <p class="soft">
            They count from the beginning of the run. An empty field is no limit; the first limit that is reached ends
            the run.
          </p>
          {wanted.map(([name, label, about]) => (
            <Field
              key={name}
              label={label}
              type="number"
              value={texts[name]}
              change={(value) => setTexts({ ...texts, [name]: value })}
              placeholder="no limit"
              about={about}
              wrong={failure?.at(`budget.${name}`)}
            />
          ))}
        </>
      )}
    </Form>
  );
}

function shown(value: number | null | undefined): string {
  return value === null || value === undefined ? "" : String(value);
}
