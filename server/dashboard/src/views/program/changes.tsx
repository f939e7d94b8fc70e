import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { Difference, Source } from "../../code/source";
import { Card, Choice } from "../../parts/small";
import { Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { keep, place } from "../../router";
import { may } from "../../session";
import { Words } from "./calls";
import type { Known } from "./program";

type How = "source" | "unified" | "beside";

/** The source, or what it changed against its parent, the seed, or any other program. */
export function Changes({ known }: { known: Known }) {
  const { program } = known;
  const narrow = matchMedia("(max-width: 720px)").matches;
  const search = place.value.search;
  const asked = search.get("show");
  const to = search.get("to");
  const other = to === null ? program.parent : Number(to);
  const first: How = other === null ? "source" : narrow ? "unified" : "beside";
  const how = asked === "source" || asked === "unified" || asked === "beside" ? asked : first;
  return (
    <Card
      title={how === "source" ? "Source" : `Changes from program ${other ?? 0}`}
      rest={
        <span class="changes-choices">
          {how !== "source" && <Against known={known} other={other} />}
          <Choice<How>
            name="How it is shown"
            value={how}
            options={[
              ["beside", "Side by side"],
              ["unified", "One column"],
              ["source", "Source"],
            ]}
            choose={(value) => keep({ show: value })}
          />
        </span>
      }
    >
      {may("inspect", known.run.project) && program.model !== null && (
        <Words run={known.run.id} number={program.number} />
      )}
      {how === "source" ? (
        <Source files={program.files} />
      ) : (
        <Compared known={known} other={other ?? 0} beside={how === "beside"} />
      )}
    </Card>
  );
}

function Against({ known, other }: { known: Known; other: number | null }) {
  const { program } = known;
  const [typed, setTyped] = useState("");
  return (
    <form
      class="against"
      onSubmit={(event) => {
        event.preventDefault();
        if (/^\d+$/.test(typed)) keep({ to: typed });
      }}
    >
      {program.parent !== null && (
        <button
          type="button"
          class="button quiet"
          aria-pressed={other === program.parent}
          onClick={() => keep({ to: null })}
        >
          Parent
        </button>
      )}
      <button type="button" class="button quiet" aria-pressed={other === 0} onClick={() => keep({ to: "0" })}>
        Seed
      </button>
      <input
        type="search"
        inputMode="numeric"
        class="input"
        placeholder="Other number"
        aria-label="Number of another program to compare with"
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
    </form>
  );
}

function Compared({ known, other, beside }: { known: Known; other: number; beside: boolean }) {
  const { run, program, parent } = known;
  const polled = usePoll(
    `compared ${run.id} ${other}`,
    async (signal) => {
      if (parent?.number === other) return parent;
      return await api.get("/api/v1/runs/{run}/programs/{number}", { path: { run: run.id, number: other }, signal });
    },
    0,
  );
  return (
    <Ready of={polled} waiting={<Loading what={`program ${other}`} heights={[240]} />}>
      {(found) => <Difference before={found.files} after={program.files} beside={beside} />}
    </Ready>
  );
}
