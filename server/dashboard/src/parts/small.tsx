import type { ComponentChildren } from "preact";
import type { Schemas } from "../api/client";
import { OPERATORS, type Operator } from "../live/admissions";
import { spaced } from "../words";

/** A number with its name and what else is to be said of it. */
export function Tile({
  name,
  value,
  note,
  title,
}: {
  name: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  title?: string;
}) {
  return (
    <div class="tile" title={title}>
      <dt>{name}</dt>
      <dd class="value">{value}</dd>
      <dd class="note">{note ?? "\u00a0"}</dd>
    </div>
  );
}

export function Tiles({ children }: { children: ComponentChildren }) {
  return <dl class="tiles">{children}</dl>;
}

const STATES: Record<Schemas["RunState"], string> = {
  running: "good alive",
  paused: "warn",
  finishing: "note alive",
  finished: "",
};
const BAD_ENDS: readonly string[] = ["seed_failed", "judge_failed", "damaged"];

/** How a run stands, in one word. */
export function StateBadge({ run }: { run: Pick<Schemas["RunLine"], "state" | "stop_reason"> }) {
  const bad = run.stop_reason !== null && BAD_ENDS.includes(run.stop_reason);
  const word = run.state === "finished" && bad && run.stop_reason !== null ? spaced(run.stop_reason) : run.state;
  return <span class={`badge ${bad ? "bad" : STATES[run.state]}`}>{word}</span>;
}

/** A share of a limit that is used; nothing where there is no limit. */
export function Bar({ used, limit, name }: { used: number; limit: number | null; name: string }) {
  if (limit === null) return null;
  const part = limit === 0 ? 1 : Math.min(1, used / limit);
  return (
    <span
      class={part >= 0.999 ? "bar full" : "bar"}
      role="progressbar"
      aria-label={name}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(100 * part)}
    >
      <i style={{ width: `${100 * part}%` }} />
    </span>
  );
}

/** The colour of an operator, as a dot before its name. */
export function OperatorName({ operator }: { operator: string }) {
  const known = (OPERATORS as readonly string[]).includes(operator);
  return (
    <span class="operator">
      <i class="key" style={known ? { "--of": `var(--op-${operator as Operator})` } : {}} />
      {operator}
    </span>
  );
}

/** One of a few values, as buttons side by side. */
export function Choice<T extends string>(props: {
  name: string;
  value: T;
  options: readonly (readonly [T, string])[];
  choose: (value: T) => void;
}) {
  return (
    <fieldset class="choice" aria-label={props.name}>
      {props.options.map(([value, text]) => (
        <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.choose(value)}>
          {text}
        </button>
      ))}
    </fieldset>
  );
}

/** A part of a page under a heading. */
export function Card({
  title,
  rest,
  children,
}: {
  title: ComponentChildren;
  rest?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="card">
      <header>
        <h2>{title}</h2>
        {rest !== undefined && <div class="rest">{rest}</div>}
      </header>
      {children}
    </section>
  );
}
