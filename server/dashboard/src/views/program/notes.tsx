import { useState } from "preact/hooks";
import { NoteForm } from "../../parts/note_form";
import { Card } from "../../parts/small";
import { Ready, Skeleton } from "../../parts/states";
import { usePoll } from "../../poll";
import { may } from "../../session";
import { moment, visible } from "../../words";
import { toldOf, whoAsked } from "../run/commands";
import { notesOf } from "../run/told";
import type { Known } from "./program";

const POLL_MS = 15_000;

/** What people noted on the program. */
export function Notes({ known: { run, program } }: { known: Known }) {
  const [noting, setNoting] = useState(false);
  const polled = usePoll(`notes ${run.id}`, (signal) => toldOf(run.id, ["annotate"], signal), POLL_MS);
  return (
    <Card
      title="Notes"
      rest={
        may("steer", run.project) && (
          <button type="button" class="button" onClick={() => setNoting(true)}>
            Note
          </button>
        )
      }
    >
      <Ready of={polled} waiting={<Skeleton height={40} />}>
        {(asked) => {
          const notes = notesOf(asked).filter((note) => note.program === program.number);
          return notes.length === 0 ? (
            <p class="soft">Nobody noted anything on it.</p>
          ) : (
            <ul class="people-said">
              {notes.map((note) => (
                <li key={note.id}>
                  <p>{visible(note.text)}</p>
                  <p class="about">
                    {whoAsked(note.asked)}, {moment(note.asked.created_at)}
                  </p>
                </li>
              ))}
            </ul>
          );
        }}
      </Ready>
      {noting && (
        <NoteForm run={run.id} program={program.number} close={() => setNoting(false)} stored={() => polled.again()} />
      )}
    </Card>
  );
}
