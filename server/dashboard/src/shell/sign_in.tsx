import { useEffect, useState } from "preact/hooks";
import { api, Failure } from "../api/client";
import { Field } from "../parts/dialog";
import { Command } from "../parts/states";
import { signIn, signInElsewhere } from "../session";
import { visible } from "../words";
import { Mark } from "./mark";

/** The page for whoever has not said who they are. */
export function SignIn({ why }: { why: string | null }) {
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState<string | null>(why);
  const [busy, setBusy] = useState(false);
  const [provider, setProvider] = useState<string | null>(null);
  useEffect(() => {
    api
      .get("/api/v1/session/oidc", {})
      .then((way) => setProvider(way.title))
      .catch((error: unknown) => {
        // Whoever has a token signs in without it.
        if (!(error instanceof Failure)) throw error;
      });
  }, []);
  const wait = (signing: Promise<void>) => {
    setBusy(true);
    signing
      .catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        setWrong(error.status === 422 ? "This is no token: expected gal_ and 43 characters." : error.message);
      })
      .finally(() => setBusy(false));
  };
  const submit = (event: Event) => {
    event.preventDefault();
    wait(signIn(token.trim()));
  };
  return (
    <main id="main" class="sign-in" tabIndex={-1}>
      <form onSubmit={submit}>
        <h1 class="brand">
          <Mark />
          Galapagos
        </h1>
        {provider !== null && (
          <button type="button" class="button first" disabled={busy} onClick={() => wait(signInElsewhere())}>
            Sign in with {visible(provider)}
          </button>
        )}
        <p class="soft">Sign in with your token. It is kept as a cookie that no script can read, until you sign out.</p>
        <Field
          label="Token"
          type="password"
          value={token}
          change={setToken}
          required
          placeholder="gal_…"
          wrong={wrong ?? undefined}
        />
        <button type="submit" class={provider === null ? "button first" : "button"} disabled={busy}>
          Sign in
        </button>
        <p class="small faint">No token yet? Whoever runs this installation makes one:</p>
        <Command>galapagos token create NAME</Command>
      </form>
    </main>
  );
}
