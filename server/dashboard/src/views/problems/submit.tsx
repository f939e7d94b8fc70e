import { useState } from "preact/hooks";
import { Failure, type Schemas } from "../../api/client";
import { Select } from "../../parts/fields";
import { Card, Choice } from "../../parts/small";
import { Empty } from "../../parts/states";
import { go, keep, place } from "../../router";
import { may, session } from "../../session";
import { share, visible } from "../../words";
import { DropZone } from "./drop_zone";
import { type Given, tooMuch } from "./folder";
import { justSent } from "./just_sent";
import { sendGiven } from "./send";
import { WriteForm } from "./write_form";
import { type Complaints, complaintsOf, tomlOf, type Written } from "./written";
import "./problems.css";

type Sending = { state: "resting" } | { state: "sending"; share: number } | { state: "failed"; why: Complaints };

/** Submits a problem: a folder, an archive, or what is written in a form. */
export default function Submit() {
  const written = place.value.search.get("by") === "form";
  const now = session.value;
  const projects = now.state === "in" ? now.me.memberships.filter((one) => may("submit", one.project)) : [];
  const [project, setProject] = useState(projects[0]?.project ?? 1);
  const [sending, setSending] = useState<Sending>({ state: "resting" });
  if (projects.length === 0 && !may("submit", 1)) {
    return (
      <Empty whole title="Your role submits no problems">
        An administrator of a project can give you another one.
      </Empty>
    );
  }
  const send = (begin: (progress: (share: number) => void) => Promise<Schemas["UploadedProblem"]>, sort: Sort) => {
    setSending({ state: "sending", share: 0 });
    begin((part) => setSending({ state: "sending", share: part })).then(
      (found) => {
        justSent.value = found;
        go(`/problems/${found.revision}`);
      },
      (error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        setSending({ state: "failed", why: sort(error) });
      },
    );
  };
  return (
    <div class="stack submit">
      <div class="head">
        <h1>Submit a problem</h1>
        <div class="rest">
          <Choice
            name="How"
            value={written ? "form" : "folder"}
            options={[
              ["folder", "Folder or archive"],
              ["form", "Form"],
            ]}
            choose={(value) => {
              setSending({ state: "resting" });
              keep({ by: value === "form" ? "form" : null });
            }}
          />
        </div>
      </div>
      {projects.length > 1 && (
        <Select
          label="Project"
          value={String(project)}
          options={projects.map((one) => [String(one.project), one.name])}
          change={(value) => setProject(Number(value))}
        />
      )}
      {written ? (
        <WriteForm
          busy={sending.state === "sending"}
          complaints={sending.state === "failed" ? sending.why.at : {}}
          send={(what) =>
            send(
              (progress) => sendWritten(what, project, progress),
              (why) => complaintsOf(why, what),
            )
          }
        />
      ) : (
        <Card title="A folder, or an archive of one">
          <DropZone
            busy={sending.state === "sending"}
            take={(given) => {
              const much = given.kind === "folder" ? tooMuch(given.files) : null;
              if (much !== null) setSending({ state: "failed", why: { at: {}, rest: [much] } });
              else send((progress) => sendGiven(given, project, progress), allOf);
            }}
          />
        </Card>
      )}
      <Progress sending={sending} />
    </div>
  );
}

type Sort = (failure: Failure) => Complaints;

function allOf(failure: Failure): Complaints {
  const lines = failure.problem?.errors.map((one) => one.message) ?? [];
  return { at: {}, rest: lines.length === 0 ? [failure.message] : lines };
}

async function sendWritten(
  written: Written,
  project: number,
  progress: (share: number) => void,
): Promise<Schemas["UploadedProblem"]> {
  const given: Given = {
    kind: "folder",
    name: "written",
    files: new Map([
      ["problem.toml", new File([tomlOf(written)], "problem.toml")],
      [written.seedPath, new File([written.seed], "seed")],
      ["judge.py", new File([written.judge], "judge.py")],
    ]),
  };
  return sendGiven(given, project, progress);
}

function Progress({ sending }: { sending: Sending }) {
  if (sending.state === "resting") return null;
  if (sending.state === "failed") {
    const fields = Object.keys(sending.why.at).length;
    return (
      <div class="wrong-card" role="alert">
        <h2>It was not stored</h2>
        {sending.why.rest.length === 0 && <p>{fields === 1 ? "One field is wrong." : `${fields} fields are wrong.`}</p>}
        <ul>
          {sending.why.rest.map((line) => (
            <li key={line}>{visible(line)}</li>
          ))}
        </ul>
      </div>
    );
  }
  return (
    <p class="sending" role="status">
      <span class="bar" role="progressbar" aria-label="Sent" aria-valuenow={Math.round(100 * sending.share)}>
        <i style={{ width: `${100 * sending.share}%` }} />
      </span>
      {sending.share < 1 ? `Sending: ${share(sending.share)}` : "Sent; the service looks at it…"}
    </p>
  );
}
