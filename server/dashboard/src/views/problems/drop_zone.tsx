import { useRef, useState } from "preact/hooks";
import { toast } from "../../parts/toasts";
import { chosen, dropped, type Given } from "./folder";

/** Takes a folder or an archive: dropped, or chosen. */
export function DropZone({ busy, take }: { busy: boolean; take: (given: Given) => void }) {
  const [over, setOver] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const archive = useRef<HTMLInputElement>(null);
  const picked = (field: HTMLInputElement | null) => {
    const files = [...(field?.files ?? [])];
    if (field !== null) field.value = "";
    if (files.length > 0) take(chosen(files));
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: who uses the keyboard has the two buttons
    <div
      class={over ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (busy || event.dataTransfer === null) return;
        dropped(event.dataTransfer).then(take, () => toast("What was dropped cannot be read.", { bad: true }));
      }}
    >
      <p class="what">Drop a problem’s folder or archive here</p>
      <p class="faint">
        A folder with problem.toml, a program and a judge; or one of OpenEvolve, ShinkaEvolve or CodeEvolve, which is
        translated. Archives: .tar.gz, .tar, .zip; up to 2,000 files and 64 MiB.
      </p>
      <p class="buttons">
        <button type="button" class="button" disabled={busy} onClick={() => folder.current?.click()}>
          Choose a folder
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => archive.current?.click()}>
          Choose an archive
        </button>
      </p>
      <input
        ref={folder}
        type="file"
        hidden
        aria-label="Folder"
        {...{ webkitdirectory: true }}
        onChange={() => picked(folder.current)}
      />
      <input
        ref={archive}
        type="file"
        hidden
        aria-label="Archive"
        accept=".gz,.tgz,.tar,.zip"
        onChange={() => picked(archive.current)}
      />
    </div>
  );
}
