import { useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./api/client";

/** What was read: the newest answer, and the failure of the last try if it failed. */
export interface Polled<T> {
  data: T | undefined;
  failure: Failure | undefined;
  again: () => void;
}

const FIRST_RETRY_MS = 1_000;

/**
 * Reads something now, whenever `key` changes, and every `everyMs` while the page can be seen (0: once). After a failure it
 * tries again, ever less often, and goes on showing what it had.
 */
export function usePoll<T>(key: string, read: (signal: AbortSignal) => Promise<T>, everyMs: number): Polled<T> {
  const [found, setFound] = useState<{ key: string; data?: T; failure?: Failure }>({ key });
  const [asked, setAsked] = useState(0);
  const reader = useRef(read);
  reader.current = read;
  const pause = useRef(everyMs);
  pause.current = everyMs;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `asked` counts the times that somebody wanted it anew
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    let failures = 0;
    const next = (ms: number) => {
      if (ms > 0 && !stop.signal.aborted) timer = window.setTimeout(look, ms);
    };
    const look = () => {
      if (document.hidden) return next(pause.current || FIRST_RETRY_MS);
      reader
        .current(stop.signal)
        .then((data) => {
          failures = 0;
          setFound({ key, data });
          next(pause.current);
        })
        .catch((error: unknown) => {
          if (stop.signal.aborted) return;
          if (!(error instanceof Failure)) throw error;
          failures++;
          setFound((before) => ({ ...(before.key === key ? before : { key }), failure: error }));
          const lasting = error.status >= 400 && error.status < 500 && error.status !== 429;
          next(lasting ? pause.current : Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), 15_000));
        });
    };
    look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, asked]);
  const mine = found.key === key ? found : { key };
  return { data: mine.data, failure: mine.failure, again: () => setAsked((times) => times + 1) };
}
