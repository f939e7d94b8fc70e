import { signal } from "@preact/signals";
import type { components, paths } from "./generated";

export type Schemas = components["schemas"];
type Method = "get" | "post" | "put" | "delete";
type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never;
}[keyof paths];
type Operation<M extends Method, P extends PathOf<M>> = NonNullable<paths[P][M]>;
type Json<T> = T extends { content: { "application/json": infer J } } ? J : undefined;
type Answered<O> = O extends { responses: infer R }
  ? { [S in keyof R & (200 | 201 | 202 | 204)]: Json<R[S]> }[keyof R & (200 | 201 | 202 | 204)]
  : never;
type Part<O, Name extends string> = O extends { parameters: { [K in Name]: infer T } } ? T : undefined;
type BodyOf<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? B : undefined;
type Needed<Name extends string, T> = [T] extends [undefined] ? { [K in Name]?: never } : { [K in Name]: T };
type Wished<Name extends string, T> = { [K in Name]?: NonNullable<T> };
type Call<O> = Needed<"path", Part<O, "path">> &
  Wished<"query", O extends { parameters: { query?: infer Q } } ? Q : never> &
  Needed<"body", BodyOf<O>> & { signal?: AbortSignal; headers?: Record<string, string> };

/** Whether the service answered the last request at all. */
export const reachable = signal(true);
/** Called when the service no longer knows who asks. */
export const whenSignedOut: { current: () => void } = { current: () => undefined };

/** A request that failed: `problem` is what the service says of it; without one it did not answer (`status` is 0 then). */
export class Failure extends Error {
  readonly status: number;
  readonly problem: Schemas["ProblemDetails"] | null;
  constructor(status: number, problem: Schemas["ProblemDetails"] | null) {
    super(problem?.detail ?? "The service does not answer.");
    this.status = status;
    this.problem = problem;
  }
  /** What is said of one field of the body, such as `config.lag`; with `""` of all that no field was given for. */
  at(field: string): string | undefined {
    return this.problem?.errors.find((error) => error.field === `body.${field}`)?.message;
  }
}

interface Loose {
  path?: Record<string, string | number>;
  query?: Record<string, unknown>;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/** The address of a route with its parameters filled in. */
export function address(path: string, given: Pick<Loose, "path" | "query">): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(given.path?.[name] ?? "")));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) query.append(name, String(one));
    }
  }
  const text = query.toString();
  return text === "" ? filled : `${filled}?${text}`;
}

async function ask(method: Method, path: string, given: Loose): Promise<unknown> {
  const headers: Record<string, string> = { Accept: "application/json", "X-Galapagos": "1", ...given.headers };
  const request: RequestInit = { method: method.toUpperCase(), headers, cache: "no-store", redirect: "error" };
  if (given.body !== undefined) {
    headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(given.body);
  }
  if (given.signal) request.signal = given.signal;
  return answered(path, await sent(address(path, given), request));
}

/** The response to a request; who was told to stop it gets an `AbortError`. */
export async function sent(url: string, request: RequestInit): Promise<Response> {
  try {
    const response = await fetch(url, request);
    reachable.value = true;
    return response;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    reachable.value = false;
    throw new Failure(0, null);
  }
}

/** The JSON of a response, or the failure that it tells of. */
export async function answered(path: string, response: Response): Promise<unknown> {
  if (response.ok) return response.status === 204 ? undefined : await response.json();
  if (response.status === 401 && path !== "/api/v1/session") whenSignedOut.current();
  throw new Failure(response.status, await problemOf(response));
}

async function problemOf(response: Response): Promise<Schemas["ProblemDetails"]> {
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    return (await response.json()) as Schemas["ProblemDetails"];
  }
  const detail = `The service answered with ${response.status}, and not in its own words: something stands between.`;
  return { type: "about:blank", title: response.statusText, status: response.status, detail, errors: [] };
}

/** Asks a route of the API. Its path, parameters, body and answer have the types that the service describes. */
export const api = {
  get: <P extends PathOf<"get">>(path: P, call: Call<Operation<"get", P>>) =>
    ask("get", path, call as Loose) as Promise<Answered<Operation<"get", P>>>,
  post: <P extends PathOf<"post">>(path: P, call: Call<Operation<"post", P>>) =>
    ask("post", path, call as Loose) as Promise<Answered<Operation<"post", P>>>,
  put: <P extends PathOf<"put">>(path: P, call: Call<Operation<"put", P>>) =>
    ask("put", path, call as Loose) as Promise<Answered<Operation<"put", P>>>,
  delete: <P extends PathOf<"delete">>(path: P, call: Call<Operation<"delete", P>>) =>
    ask("delete", path, call as Loose) as Promise<Answered<Operation<"delete", P>>>,
};
