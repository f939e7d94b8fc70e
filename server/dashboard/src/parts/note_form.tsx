import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Field, Form } from "./dialog";
import { toast } from "./toasts";

/** Asks for a note on a program, or on the run (`program` null), and stores it. */
export function NoteForm(props: { run: number; program: number | null; close: () => void; stored: () => void }) {
  const [text, setText] = useState("");
  const { run, program } = props;
  const store = async () => {
    await api.post("/api/v1/runs/{run}/commands", { path: { run }, body: { kind: "annotate", text, program } });
    toast("The note is stored.");
    props.stored();
  };
  return (
    <Form
      title={program === null ? `Note on run ${run}` : `Note on program ${program}`}
      does="Store the note"
      close={props.close}
      act={store}
    >
      {(failure) => (
        <Field
          label="Note"
          value={text}
          change={setText}
          lines={4}
          required
          wrong={failure?.at("annotate.text")}
          about="For people: the search does not know of it. At most 4,000 characters."
        />
      )}
    </Form>
  );
}
