import { useState } from "preact/hooks";
import { api, type Failure, type Schemas } from "../../api/client";
import type { LiveRun } from "../../live/run";
import { NoteForm } from "../../parts/note_form";
import { Card } from "../../parts/small";
import { Ready, Skeleton } from "../../parts/states";
import { toast } from "../../parts/toasts";
import { usePoll } from "../../poll";
import { may } from "../../session";
import { count, moment, visible } from "../../words";
import { followed, toldOf, whoAsked } from "./commands";
import { type Idea, ideasOf, type Note, notesOf } from "./told";

const POLL_MS = 5_000;
const BADGES: Record<Idea["state"], string> = { waiting: "note", told: "good", withdrawn: "", refused: "bad" };

/** What people gave the models to think of, and what they noted for one another. */
export function People({ live, detail }: { live: LiveRun; detail: Schemas["RunDetail"] }) {
  const [noting, setNoting] = useState(false);
  const steers = may("steer", detail.project);
  const polled = usePoll(
    `people ${detail.id}`,
    (signal) => toldOf(detail.id, ["inject_idea", "withdraw_idea", "annotate"], signal),
    POLL_MS,
  );
  return (
    <Card
      title="Ideas and notes"
      rest={
        steers && (
          <button type="button" class="button" onClick={() => setNoting(true)}>
            Note
          </button>
        )
      }
    >
      <Ready of={polled} waiting={<Skeleton height={60} />}>
        {(asked) => {
          const [ideas, notes] = [ideasOf(asked), notesOf(asked)];
          return ideas.length + notes.length === 0 ? (
            <p class="soft">Nobody gave the models an idea, or noted anything.</p>
          ) : (
            <ul class="people-said">
              {ideas.map((idea) => (
                <IdeaLine key={idea.id} live={live} detail={detail} idea={idea} again={polled.again} />
              ))}
              {notes.map((note) => (
                <NoteLine key={note.id} run={detail.id} note={note} />
              ))}
            </ul>
          );
        }}
      </Ready>
      {noting && (
        <NoteForm run={detail.id} program={null} close={() => setNoting(false)} stored={() => polled.again()} />
      )}
    </Card>
  );
}

function IdeaLine(props: { live: LiveRun; detail: Schemas["RunDetail"]; idea: Idea; again: () => void }) {
  const { live, detail, idea } = props;
  const goesOn = detail.state === "running" || detail.state === "paused";
  const withdraw = () => {
    api
      .post("/api/v1/runs/{run}/commands", {
        path: { run: detail.id },
        body: { kind: "withdraw_idea", idea: idea.id },
      })
      .then(
        (asked) => followed(live, asked).then(() => void setTimeout(props.again, 1_500)),
        (failure: Failure) => toast(failure.message, { bad: true }),
      );
  };
  return (
    <li>
      <p>{visible(idea.text)}</p>
      <p class="about">
        <span class={`badge ${BADGES[idea.state]}`}>idea {idea.state}</span>{" "}
        {idea.prompts !== null && `for ${count(idea.prompts)} prompts, `}
        {whoAsked(idea.asked)}, {moment(idea.asked.created_at)}
        {idea.state === "refused" && idea.asked.detail !== null && `: ${visible(idea.asked.detail)}`}
        {idea.state === "told" && goesOn && may("steer", detail.project) && (
          <button type="button" class="button quiet" onClick={withdraw}>
            Withdraw it
          </button>
        )}
      </p>
    </li>
  );
}

function NoteLine({ run, note }: { run: number; note: Note }) {
  return (
    <li>
      <p>{visible(note.text)}</p>
      <p class="about">
        <span class="badge plain">note</span>{" "}
        {note.program !== null && (
          <>
            on <a href={`/runs/${run}/programs/${note.program}`}>program {note.program}</a>,{" "}
          </>
        )}
        {whoAsked(note.asked)}, {moment(note.asked.created_at)}
      </p>
    </li>
  );
}
