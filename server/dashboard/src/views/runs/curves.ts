import { useEffect, useRef, useState } from "preact/hooks";
import { api, Failure, type Schemas } from "../../api/client";

type Line = Schemas["RunLine"];
type Curves = ReadonlyMap<number, readonly Schemas["Record"][]>;
const AT_ONCE = 16;

/** The best-so-far curves of the runs of a list; those whose best score is another one than when they were read, anew. */
export function useCurves(lines: readonly Line[]): Curves {
  const [curves, setCurves] = useState<Curves>(new Map());
  const read = useRef(new Map<number, number | null>());
  useEffect(() => {
    const stop = new AbortController();
    const stale = lines.filter((line) => line.best_score !== null && read.current.get(line.id) !== line.best_score);
    readAll(stale, stop.signal, (found) => {
      for (const line of stale) if (found.has(line.id)) read.current.set(line.id, line.best_score);
      setCurves((before) => new Map([...before, ...found]));
    }).catch((error: unknown) => {
      // The list itself tells that the service is away; a run that is gone since leaves its curve out.
      if (!(error instanceof Failure || stop.signal.aborted)) throw error;
    });
    return () => stop.abort();
  }, [lines]);
  return curves;
}

async function readAll(lines: readonly Line[], signal: AbortSignal, take: (found: Curves) => void): Promise<void> {
  for (let at = 0; at < lines.length; at += AT_ONCE) {
    const run = lines.slice(at, at + AT_ONCE).map((line) => line.id);
    const found = await api.get("/api/v1/comparison", { query: { run }, signal });
    take(new Map(found.runs.map((one) => [one.run, one.records])));
  }
}
