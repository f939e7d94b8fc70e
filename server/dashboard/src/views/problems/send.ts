import { address, answered, Failure, type Schemas } from "../../api/client";
import { archiveType, base64, type Files, type Given } from "./folder";

type Uploaded = Schemas["UploadedProblem"];
const PROBLEMS = "/api/v1/problems";

/** Stores a folder or an archive; `progress` hears the share that was sent. Raises a `Failure`. */
export async function sendGiven(given: Given, project: number, progress: (share: number) => void): Promise<Uploaded> {
  if (given.kind === "folder") {
    const body = new Blob([JSON.stringify({ files: await encoded(given.files) })]);
    return upload(body, "application/json", given.name, project, progress);
  }
  return upload(given.file, archiveType(given.file.name) ?? "application/gzip", given.name, project, progress);
}

async function encoded(files: Files): Promise<Record<string, { base64: string }>> {
  const found: Record<string, { base64: string }> = {};
  for (const [path, file] of files) found[path] = { base64: await base64(file) };
  return found;
}

// `fetch` does not tell how much of a body was sent.
async function upload(
  body: Blob,
  type: string,
  name: string,
  project: number,
  progress: (share: number) => void,
): Promise<Uploaded> {
  const response = await new Promise<Response>((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(PROBLEMS, { query: { project, name } }));
    request.setRequestHeader("Content-Type", type);
    request.setRequestHeader("X-Galapagos", "1");
    request.upload.onprogress = (event) => progress(event.loaded / Math.max(1, event.total));
    request.onload = () => {
      const headers = { "Content-Type": request.getResponseHeader("Content-Type") ?? "" };
      done(new Response(request.responseText, { status: request.status, headers }));
    };
    request.onerror = () => failed(new Failure(0, null));
    request.send(body);
  });
  return (await answered(PROBLEMS, response)) as Uploaded;
}
