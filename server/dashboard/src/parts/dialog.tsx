import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Failure } from "../api/client";
import { visible } from "../words";

/** A window above the page; Escape and a click beside it close it. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const shown = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    shown.current?.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does what the click does
    <dialog
      ref={shown}
      aria-labelledby={heading}
      onClose={close}
      onClick={(event) => {
        if (event.target === shown.current) shown.current?.close();
      }}
    >
      <div class="inside">
        <h2 id={heading}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface Asking {
  title: string;
  /** What the button says, such as `Stop the run`. */
  does: string;
  /** Cannot be undone. */
  harm?: boolean;
  close: () => void;
  act: () => Promise<unknown>;
  children?: ComponentChildren | ((failure: Failure | undefined) => ComponentChildren);
}

/** A form in a dialog: closes when what it asked for was taken, and shows why where it was not. */
export function Form({ title, does, harm, close, act, children }: Asking) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const submit = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    act().then(close, (error: unknown) => {
      setBusy(false);
      if (!(error instanceof Failure)) throw error;
      setFailure(error);
    });
  };
  return (
    <Dialog title={title} close={close}>
      <form onSubmit={submit} style={{ display: "contents" }}>
        {typeof children === "function" ? children(failure) : children}
        {failure !== undefined && (
          <p class="field" role="alert">
            <span class="wrong">{visible(failure.message)}</span>
          </p>
        )}
        <div class="actions">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class={harm ? "button harm" : "button first"} disabled={busy}>
            {does}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface Entry {
  label: string;
  value: string;
  change: (value: string) => void;
  about?: ComponentChildren;
  wrong?: string | undefined;
  type?: "text" | "number" | "password";
  lines?: number;
  required?: boolean;
  placeholder?: string;
}

/** A field with its label, what it is about, and what is wrong with it. */
export function Field({
  label,
  value,
  change,
  about,
  wrong,
  type = "text",
  lines,
  required = false,
  placeholder,
}: Entry) {
  const id = useId();
  const given = {
    id,
    value,
    required,
    placeholder,
    "aria-invalid": wrong === undefined ? undefined : true,
    "aria-describedby": `${id}-about`,
    onInput: (event: Event) => change((event.currentTarget as HTMLInputElement).value),
  } as const;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {lines === undefined ? (
        <input
          {...given}
          type={type === "number" ? "text" : type}
          inputMode={type === "number" ? "decimal" : "text"}
          autocomplete="off"
        />
      ) : (
        <textarea {...given} rows={lines} />
      )}
      <div id={`${id}-about`}>
        {wrong !== undefined && <p class="wrong">{visible(wrong)}</p>}
        {about !== undefined && <p class="about">{about}</p>}
      </div>
    </div>
  );
}
