import { useState } from "preact/hooks";
import { address, answered, type Schemas, sent } from "../../api/client";
import { Dialog } from "../../parts/dialog";
import { LongText } from "../../parts/long_text";
import { Card } from "../../parts/small";
import { Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { visible } from "../../words";
import { bytes } from "./definition";

interface Listed {
  revision: string;
  definition: Schemas["Definition"];
  files: readonly Schemas["ProblemFile"][];
  /** Judge and data are for who may inspect. */
  inspects: boolean;
}

/** The files of a problem; those that the reader may see open. */
export function Files({ revision, definition, files, inspects }: Listed) {
  const [open, setOpen] = useState<string>();
  const role = (path: string) =>
    definition.seed.includes(path) ? "evolves" : path === definition.judge ? "scores" : "";
  return (
    <Card title="Files" rest={inspects ? undefined : <span class="faint">Your role sees the program alone.</span>}>
      <div class="scroll">
        <table>
          <tbody>
            {files.map(({ path, bytes: length }) => (
              <tr key={path}>
                <td class="path">
                  {inspects || definition.seed.includes(path) ? (
                    <button type="button" class="button quiet path" onClick={() => setOpen(path)}>
                      {visible(path)}
                    </button>
                  ) : (
                    visible(path)
                  )}
                </td>
                <td class="soft">{role(path)}</td>
                <td class="number right">{bytes(length)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {open !== undefined && <Opened revision={revision} path={open} close={() => setOpen(undefined)} />}
    </Card>
  );
}

function Opened({ revision, path, close }: { revision: string; path: string; close: () => void }) {
  const place = `/api/v1/problems/${revision}/files/${path.split("/").map(encodeURIComponent).join("/")}`;
  const polled = usePoll(place, (signal) => textOf(place, signal), 0);
  return (
    <Dialog title={path} close={close}>
      <Ready of={polled} waiting={<Loading what="the file" heights={[220]} />}>
        {(text) => (text === null ? <p class="soft">It is no text.</p> : <LongText text={text} label={path} />)}
      </Ready>
      <div class="actions">
        <a class="button" href={place} download={path.split("/").pop() ?? path}>
          Download
        </a>
        <button type="button" class="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

async function textOf(place: string, signal: AbortSignal): Promise<string | null> {
  const response = await sent(address(place, {}), { signal });
  if (!response.ok) await answered(place, response);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
