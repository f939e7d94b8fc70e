import { signal } from "@preact/signals";
import { api, Failure, type Schemas, whenSignedOut } from "./api/client";
import { go } from "./router";

export type Action = Schemas["Action"];
type Session = { state: "unknown" } | { state: "out"; why: string | null } | { state: "in"; me: Schemas["Me"] };

/** Who is signed in; unknown until the service has told. */
export const session = signal<Session>({ state: "unknown" });

whenSignedOut.current = () => {
  if (session.value.state === "in")
    session.value = { state: "out", why: "Your session has ended: the token is good no more." };
};

/** Where a provider sends the browser back to, and what keeps the address that its user wanted meanwhile. */
const RETURN_PATH = "/signed-in";
const WANTED = "galapagos-wanted";

/**
 * Finds out who is signed in: by what a provider added to the address, by the token in it (`#token=gal_…`) if one is
 * there, else by the cookie.
 */
export async function beginSession(): Promise<void> {
  if (location.pathname === RETURN_PATH) {
    await endSignIn(new URLSearchParams(location.search));
    return;
  }
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

/** Goes to the provider, which sends the browser back. Raises a `Failure` if nobody can sign in there now. */
export async function signInElsewhere(): Promise<void> {
  const { address } = await api.post("/api/v1/session/oidc", {});
  sessionStorage.setItem(WANTED, location.pathname + location.search);
  location.assign(address);
}

async function endSignIn(given: URLSearchParams): Promise<void> {
  // At once: what stands in the address is good for one sign-in, and no part of what is shown.
  go(sessionStorage.getItem(WANTED) ?? "/", { instead: true });
  sessionStorage.removeItem(WANTED);
  const [code, state] = [given.get("code"), given.get("state")];
  if (code === null || state === null) {
    signedOut(`You were not signed in. The provider says: ${given.get("error") ?? "nothing"}`);
    return;
  }
  try {
    await api.post("/api/v1/session/oidc/end", { body: { code, state, iss: given.get("iss") } });
    await readMe();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    signedOut(error.message);
  }
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
