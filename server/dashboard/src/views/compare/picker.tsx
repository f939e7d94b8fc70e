import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { Dialog } from "../../parts/dialog";
import { Check } from "../../parts/fields";
import { Command, Empty, Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { score, visible } from "../../words";
import { MOST } from "./curves";

/** Chooses the runs that are compared, among the newest. */
export function Picker(props: {
  chosen: readonly number[];
  choose: (runs: readonly number[]) => void;
  close: () => void;
}) {
  const { chosen, choose } = props;
  const [text, setText] = useState("");
  const polled = usePoll("to choose", (signal) => api.get("/api/v1/runs", { query: { limit: 200 }, signal }), 0);
  const wanted = text.trim().toLowerCase();
  return (
    <Dialog title="Runs to compare" close={props.close}>
      <input
        type="search"
        class="input"
        placeholder="Find by title, problem or number"
        aria-label="Find by title, problem or number"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Ready of={polled} waiting={<Loading what="the runs" heights={[30, 30, 30]} />}>
        {({ items }) => (
          <div class="pick">
            {items.length === 0 && (
              <Empty title="No runs yet">
                <Command>galapagos remote start circle_packing_26 --seconds 600</Command>
              </Empty>
            )}
            {items
              .filter((run) => `#${run.id} ${run.title} ${run.problem}`.toLowerCase().includes(wanted))
              .map((run) => {
                const on = chosen.includes(run.id);
                return (
                  <Check
                    key={run.id}
                    label={`#${run.id} ${visible(run.title)}`}
                    about={`${score(run.best_score)} · ${run.state}`}
                    value={on}
                    change={(wish) => {
                      if (!wish) choose(chosen.filter((one) => one !== run.id));
                      else if (chosen.length < MOST) choose([...chosen, run.id]);
                    }}
                  />
                );
              })}
          </div>
        )}
      </Ready>
      <div class="actions">
        <span class="faint">
          {chosen.length} of {MOST} chosen
        </span>
        <button type="button" class="button first" onClick={props.close}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
