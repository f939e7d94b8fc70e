import { signal } from "@preact/signals";
import { api, Failure, type Schemas, whenSignedOut } from "./api/client";

export type Action = Schemas["Action"];
type Session = { state: "unknown" } | { state: "out"; why: string | null } | { state: "in"; me: Schemas["Me"] };

/** Who is signed in; unknown until the service has told. */
export const session = signal<Session>({ state: "unknown" });

whenSignedOut.current = () => {
  if (session.value.state === "in")
    session.value = { state: "out", why: "Your session has ended: the token is good no more." };
};

/** Finds out who is signed in, by the token in the address (`#token=gal_…`) if one is there, else by the cookie. */
export async function beginSession(): Promise<void> {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    // At once: an address is kept in histories, and people pass it on.
    history.replaceState(null, "", location.pathname + location.search);
    await signIn(given).catch((error: unknown) => signedOut(error instanceof Failure ? error.message : String(error)));
    return;
  }
  await readMe();
}

async function readMe(): Promise<void> {
  try {
    session.value = { state: "in", me: await api.get("/api/v1/me", {}) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    signedOut(error.status === 401 ? null : error.message);
  }
}

function signedOut(why: string | null): void {
  session.value = { state: "out", why };
}

/** Exchanges a token for a cookie. Raises a `Failure` if it is not good. */
export async function signIn(token: string): Promise<void> {
  await api.post("/api/v1/session", { body: { token } });
  await readMe();
}

export async function signOut(): Promise<void> {
  await api.delete("/api/v1/session", {});
  signedOut(null);
}

/** Whether whoever is signed in may do this in a project; what they may not do is not shown. */
export function may(action: Action, project: number): boolean {
  const now = session.value;
  if (now.state !== "in") return false;
  return now.me.is_admin || now.me.memberships.some((one) => one.project === project && one.actions.includes(action));
}

/** Whether they may do it in any project at all. */
export function mayAnywhere(action: Action): boolean {
  const now = session.value;
  return now.state === "in" && (now.me.is_admin || now.me.memberships.some((one) => one.actions.includes(action)));
}
