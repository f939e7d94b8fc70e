import { signal } from "@preact/signals";
import { visible } from "../words";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const toasts = signal<readonly Toast[]>([]);
const LASTS_MS = 7_000;
let last = 0;

/** Tells what became of something, at the edge of the page, for some seconds. */
export function toast(text: string, { bad = false } = {}): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text, bad }].slice(-4);
  setTimeout(() => dismiss(id), LASTS_MS);
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((one) => (
        <div key={one.id} class={one.bad ? "toast bad" : "toast"}>
          <p>{visible(one.text)}</p>
          <button type="button" class="button quiet" aria-label="Close" onClick={() => dismiss(one.id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
