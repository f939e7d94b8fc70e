/** What somebody dropped or chose: one archive, or a folder's files with their paths within it. */
export type Given = { kind: "archive"; name: string; file: File } | { kind: "folder"; name: string; files: Files };
export type Files = ReadonlyMap<string, File>;

const ARCHIVES: Readonly<Record<string, string>> = {
  ".tar.gz": "application/gzip",
  ".tgz": "application/gzip",
  ".tar": "application/x-tar",
  ".zip": "application/zip",
};
const LEFT_OUT = ["__pycache__", "openevolve_output"];
export const MOST_FILES = 2_000;
export const MOST_BYTES = 64 * 2 ** 20;

/** The media type of an archive by its name; null if it is none. */
export function archiveType(name: string): string | null {
  const ending = Object.keys(ARCHIVES).find((one) => name.toLowerCase().endsWith(one));
  return ending === undefined ? null : (ARCHIVES[ending] ?? null);
}

/** A name that the service takes for a folder: of others it keeps the signs that are allowed. */
export function folderName(name: string): string {
  const plain = name.replace(/\.(tar\.gz|tgz|tar|zip)$/i, "").replace(/[^A-Za-z0-9_.-]+/g, "_");
  return plain.slice(0, 64) || "problem";
}

/** Whether a file is no part of a problem: what begins with a dot, caches and outputs. */
export function leftOut(path: string): boolean {
  const parts = path.split("/");
  return parts.some((part) => part.startsWith(".") || LEFT_OUT.includes(part));
}

/** Files by paths that begin within the folder that holds them all, where one does, and the name of that folder. */
export function withinFolder<T>(found: readonly (readonly [string, T])[]): { name: string; files: Map<string, T> } {
  const kept = found.filter(([path]) => !leftOut(path));
  const top = kept[0]?.[0].split("/")[0] ?? "";
  const inside = kept.length > 0 && kept.every(([path]) => path.startsWith(`${top}/`));
  const files = new Map(kept.map(([path, file]) => [inside ? path.slice(top.length + 1) : path, file]));
  return { name: folderName(inside ? top : "problem"), files };
}

/** What is to be said before anything is sent; null if all is well. */
export function tooMuch(files: Files): string | null {
  if (files.size === 0) return "expected the files of a problem; the folder holds none; choose another one";
  if (files.size > MOST_FILES)
    return `expected at most ${MOST_FILES} files; got ${files.size}; leave out what no judge reads`;
  const bytes = [...files.values()].reduce((sum, file) => sum + file.size, 0);
  if (bytes <= MOST_BYTES) return null;
  return `expected at most 64 MiB; got ${Math.ceil(bytes / 2 ** 20)} MiB; leave out what no judge reads`;
}

/** From what a file field holds: one archive, or files with their paths where a folder was chosen. */
export function chosen(files: readonly File[]): Given {
  const only = files[0];
  if (files.length === 1 && only !== undefined && archiveType(only.name) !== null) {
    return { kind: "archive", name: folderName(only.name), file: only };
  }
  return { kind: "folder", ...withinFolder(files.map((file) => [file.webkitRelativePath || file.name, file])) };
}

/** From what was dropped; folders are read with all that is in them. */
export async function dropped(transfer: DataTransfer): Promise<Given> {
  // Both lists are gone once the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files = [...transfer.files];
  if (entries.every((entry) => entry.isFile)) return chosen(files);
  const found: [string, File][] = [];
  for (const entry of entries) await gather(entry, "", found);
  return { kind: "folder", ...withinFolder(found) };
}

async function gather(entry: FileSystemEntry, above: string, into: [string, File][]): Promise<void> {
  const path = above + entry.name;
  if (leftOut(path) || into.length > MOST_FILES) return;
  if (entry.isFile) {
    into.push([path, await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed))]);
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader gives some hundred entries at a time, and none when it is through.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return;
    for (const one of some) await gather(one, `${path}/`, into);
  }
}

/** The base64 of a file. */
export async function base64(file: Blob): Promise<string> {
  const url = await new Promise<string>((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
  return url.slice(url.indexOf(",") + 1);
}
