import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Failure } from "../api/client";
import { visible } from "../words";

/** Stands where something will be, in its size, so that nothing jumps when it comes. */
export function Skeleton({ height, width }: { height: number; width?: string }) {
  return <span class="skeleton" aria-hidden="true" style={{ height: `${height}px`, width: width ?? "100%" }} />;
}

/** A page that is being read. */
export function Loading({ what, heights }: { what: string; heights: readonly number[] }) {
  return (
    <div class="stack" role="status">
      <span class="for-ears">Reading {what}…</span>
      {heights.map((height, at) => (
        <Skeleton key={`${at} ${height}`} height={height} />
      ))}
    </div>
  );
}

/** Nothing is there yet: says so, and what would change that. With `whole` it is all that the page has. */
export function Empty(props: { title: string; whole?: boolean; children?: ComponentChildren }) {
  const { title, whole = false, children } = props;
  return (
    <div class="empty">
      {whole ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

/** A command to be typed at a terminal, and a button that copies it. */
export function Command({ children }: { children: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    navigator.clipboard.writeText(children).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      },
      // Only pages under https, or of this machine, may copy: then it is marked and copied by hand.
      () =>
        getSelection()?.selectAllChildren(document.activeElement?.parentElement?.firstElementChild ?? document.body),
    );
  };
  return (
    <span class="command">
      <code>{children}</code>
      <button type="button" class="button quiet" onClick={copy}>
        {copied ? "Copied" : "Copy"}
      </button>
    </span>
  );
}

/** What failed, in the words of the service, with the fields at fault; `again` tries once more. */
export function Wrong({ failure, again }: { failure: Failure; again?: () => void }) {
  const title = failure.status === 0 ? "The service does not answer" : (failure.problem?.title ?? "It failed");
  return (
    <div class="wrong-card" role="alert">
      <h2>
        {title}
        {failure.status > 0 && <span class="number"> ({failure.status})</span>}
      </h2>
      <p>{failure.status === 0 ? "It is asked again until it does." : visible(failure.message)}</p>
      {failure.problem !== null && failure.problem.errors.length > 0 && (
        <ul>
          {failure.problem.errors.map((error) => (
            <li key={error.field}>
              <code>{error.field}</code>: {visible(error.message)}
            </li>
          ))}
        </ul>
      )}
      {again !== undefined && (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A whole page that could not be read: says which, why, and where to go on. */
export function Gone(props: {
  what: string;
  failure: Failure;
  back: readonly (readonly [string, string])[];
  again?: () => void;
}) {
  return (
    <div class="stack">
      <div class="head">
        <h1>{visible(props.what)}</h1>
      </div>
      <Wrong failure={props.failure} {...(props.again === undefined ? {} : { again: props.again })} />
      <nav class="ways" aria-label="Where to go on">
        {props.back.map(([to, name]) => (
          <a key={to} class="button" href={to}>
            {visible(name)}
          </a>
        ))}
      </nav>
    </div>
  );
}

/** Shows what a poll has: a skeleton before the first answer, the failure where nothing came yet, else the content. */
export function Ready<T>(props: {
  of: { data: T | undefined; failure: Failure | undefined; again: () => void };
  waiting: ComponentChildren;
  /** Stands in the place of the plain failure, such as a page with a way back. */
  failed?: (failure: Failure) => ComponentChildren;
  children: (data: T) => ComponentChildren;
}) {
  if (props.of.data !== undefined) return <>{props.children(props.of.data)}</>;
  if (props.of.failure !== undefined) {
    return <>{props.failed?.(props.of.failure) ?? <Wrong failure={props.of.failure} again={props.of.again} />}</>;
  }
  return <>{props.waiting}</>;
}
