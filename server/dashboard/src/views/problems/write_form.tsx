import { useState } from "preact/hooks";
import { Field } from "../../parts/dialog";
import { Select } from "../../parts/fields";
import { Card } from "../../parts/small";
import { BLANK, type Complaints, type Written } from "./written";

const LANGUAGES = [
  ["python", "Python"],
  ["c", "C"],
  ["cpp", "C++"],
  ["rust", "Rust"],
] as const;

/** A problem of one program and one judge, written here; what is wrong stands at the field. */
export function WriteForm(props: { busy: boolean; complaints: Complaints["at"]; send: (written: Written) => void }) {
  const [written, setWritten] = useState<Written>(BLANK);
  const entry = (name: keyof Written) => ({
    value: written[name],
    change: (value: string) => setWritten({ ...written, [name]: value }),
    wrong: props.complaints[name],
  });
  return (
    <Card title="A problem of one program and one judge">
      <form
        class="write"
        onSubmit={(event) => {
          event.preventDefault();
          props.send(written);
        }}
      >
        <div class="side-by-side">
          <Field label="Name" {...entry("name")} about="small letters, digits and _, such as circle_packing_26" />
          <Field label="Title" {...entry("title")} about="in words, for lists" />
        </div>
        <Field label="Statement" {...entry("statement")} lines={4} about="what is to be found; models read it" />
        <div class="side-by-side">
          <Select label="Language" {...entry("language")} options={LANGUAGES} />
          <Field label="Name of the program’s file" {...entry("seedPath")} />
          <Select
            label="Better is"
            {...entry("direction")}
            change={(value) => setWritten({ ...written, direction: value === "minimize" ? "minimize" : "maximize" })}
            options={[
              ["maximize", "more"],
              ["minimize", "less"],
            ]}
          />
          <Field label="Unit of the score" {...entry("unit")} placeholder="none" />
          <Field label="Seconds for one judgement" {...entry("timeout")} type="number" />
        </div>
        <Field
          label="The program to begin with"
          {...entry("seed")}
          lines={8}
          about="What may change stands between the lines EVOLVE-BLOCK-START and EVOLVE-BLOCK-END."
        />
        <Field
          label="judge.py"
          {...entry("judge")}
          lines={8}
          about="evaluate(candidate, context) calls functions of the program and returns a dictionary with its score."
        />
        <p>
          <button type="submit" class="button first" disabled={props.busy}>
            Submit the problem
          </button>
        </p>
      </form>
    </Card>
  );
}
