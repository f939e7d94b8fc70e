import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { visible } from "../words";

/** One of a few values, with its label, what it is about, and what is wrong with it. */
export function Select(props: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  change: (value: string) => void;
  about?: ComponentChildren;
  wrong?: string | undefined;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        value={props.value}
        aria-invalid={props.wrong === undefined ? undefined : true}
        aria-describedby={`${id}-about`}
        onChange={(event) => props.change(event.currentTarget.value)}
      >
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <div id={`${id}-about`}>
        {props.wrong !== undefined && <p class="wrong">{visible(props.wrong)}</p>}
        {props.about !== undefined && <p class="about">{props.about}</p>}
      </div>
    </div>
  );
}

/** Yes or no. */
export function Check(props: { label: string; value: boolean; change: (value: boolean) => void; about?: string }) {
  return (
    <label class="check">
      <input type="checkbox" checked={props.value} onChange={(event) => props.change(event.currentTarget.checked)} />
      <span>
        {props.label}
        {props.about !== undefined && <span class="faint"> {props.about}</span>}
      </span>
    </label>
  );
}
