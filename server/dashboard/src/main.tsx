import { render } from "preact";
import "./styles/all.css";
import { forgetRuns } from "./live/run";
import { followLinks } from "./router";
import { beginSession, session } from "./session";
import { App } from "./shell/app";
import { followTheme } from "./theme";

followTheme();
followLinks();
session.subscribe((now) => {
  if (now.state === "out") forgetRuns();
});
const root = document.getElementById("app");
if (root === null) throw new Error("expected an element with the id app in index.html");
render(<App />, root);
void beginSession();
