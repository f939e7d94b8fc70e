import { useEffect, useState } from "preact/hooks";
import { reachable } from "../api/client";
import { Loading } from "../parts/states";
import { Toasts } from "../parts/toasts";
import { go } from "../router";
import { session } from "../session";
import { nextTheme } from "../theme";
import { NAVIGATION, View } from "../views/all";
import { Help } from "./help";
import { SignIn } from "./sign_in";
import { TopBar } from "./top_bar";

export function App() {
  const now = session.value;
  if (now.state === "unknown")
    return <main>{reachable.value ? <Loading what="who you are" heights={[40, 320]} /> : <Away />}</main>;
  if (now.state === "out") return <SignIn key={now.why} why={now.why} />;
  return <Frame />;
}

function Frame() {
  const [help, setHelp] = useState(false);
  useEffect(() => listenToKeys(() => setHelp(true)), []);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <TopBar help={() => setHelp(true)} />
      {!reachable.value && <Away />}
      <main id="main" tabIndex={-1}>
        <View />
      </main>
      {help && <Help close={() => setHelp(false)} />}
      <Toasts />
    </>
  );
}

/** Shown while the service does not answer. */
function Away() {
  return (
    <p class="banner" role="alert">
      The service does not answer. What you see is what it said last; it is asked again until it answers.
    </p>
  );
}

/** Keys that work everywhere but in fields. Returns what ends the listening. */
function listenToKeys(help: () => void): () => void {
  const does: Record<string, () => void> = {
    "?": help,
    t: nextTheme,
    "/": () => document.querySelector<HTMLElement>("#main input[type=search]")?.focus(),
  };
  let before = "";
  const pressed = (event: KeyboardEvent) => {
    if (!isFree(event)) return;
    const view =
      before === "g" ? NAVIGATION.find((item) => item.key === event.key && (item.shown?.() ?? true)) : undefined;
    const action = view === undefined ? does[event.key] : () => go(view.to);
    before = event.key;
    if (action === undefined) return;
    event.preventDefault();
    action();
  };
  addEventListener("keydown", pressed);
  return () => removeEventListener("keydown", pressed);
}

/** Whether a key is meant for nothing else: neither the browser, nor a dialog, nor a field. */
function isFree(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return false;
  return !(event.target instanceof Element) || event.target.closest("input, textarea, select") === null;
}
