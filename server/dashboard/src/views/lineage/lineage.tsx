import { useMemo, useState } from "preact/hooks";
import type { Schemas } from "../../api/client";
import { OPERATORS } from "../../live/admissions";
import type { LiveRun } from "../../live/run";
import { rangeOf } from "../../parts/scale";
import { Card, Choice, OperatorName } from "../../parts/small";
import { Empty, Loading } from "../../parts/states";
import { place as here, keep } from "../../router";
import { count, gain, score } from "../../words";
import { RunFrame } from "../run/frame";
import { type Along, laidOut, pathTo } from "./layout";
import { Lines } from "./map";
import { Story } from "./story";
import type { By } from "./tree";
import "./lineage.css";

/** Who came of whom, and which steps led to the best. */
export default function LineageView({ run }: Record<string, string>) {
  return <RunFrame run={run ?? ""}>{(live, detail) => <Lineage live={live} detail={detail} />}</RunFrame>;
}

function Lineage({ live, detail }: { live: LiveRun; detail: Schemas["RunDetail"] }) {
  const version = live.version.value;
  const { admissions } = live;
  const [along, setAlong] = useState<Along>("time");
  const [by, setBy] = useState<By>("score");
  const layout = useMemo(() => laidOut(admissions, version < 0 ? "time" : along), [version, admissions, along]);
  const range = useMemo(
    () => (version >= 0 ? rangeOf([...admissions.score.view()], admissions.sign, 0.25) : ([0, 1] as const)),
    [version, admissions],
  );
  if (!live.ready.value) return <Loading what="the history" heights={[420]} />;
  const asked = here.value.search.get("program");
  const chosen = asked === null ? -1 : admissions.placeOf(Number(asked));
  const goal = chosen >= 0 ? Number(asked) : (detail.champion ?? detail.best ?? 0);
  const path = pathTo(admissions, goal);
  if (admissions.length === 0) return <Empty title="The lineage begins when the seed program is evaluated" />;
  const choose = (place: number | null) =>
    keep({ program: place === null ? null : String(admissions.number.at(place)) });
  return (
    <div class="stack">
      <Card
        title={`${count(admissions.length)} programs`}
        rest={
          <span class="lineage-choices">
            <Find find={(number) => choose(admissions.placeOf(number) < 0 ? null : admissions.placeOf(number))} />
            <Choice<Along>
              name="Across"
              value={along}
              options={[
                ["time", "By time"],
                ["generation", "By generation"],
              ]}
              choose={setAlong}
            />
            <Choice<By>
              name="Colour"
              value={by}
              options={[
                ["score", "Score"],
                ["operator", "Operator"],
                ["model", "Model"],
                ["island", "Island"],
              ]}
              choose={setBy}
            />
          </span>
        }
      >
        <Lines
          scene={{ admissions, layout, path, by, range, chosen: chosen < 0 ? null : chosen, hovered: null }}
          choose={choose}
        />
        {chosen >= 0 && <Chosen run={detail.id} live={live} place={chosen} close={() => choose(null)} />}
      </Card>
      <Story run={detail.id} live={live} path={path} goal={goal} isBest={chosen < 0} />
    </div>
  );
}

function Find({ find }: { find: (number: number) => void }) {
  const [text, setText] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (/^\d+$/.test(text.trim())) find(Number(text));
      }}
    >
      <input
        type="search"
        inputMode="numeric"
        class="input find-program"
        placeholder="Find a number"
        aria-label="Find a program by its number"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </form>
  );
}

function Chosen({ run, live, place, close }: { run: number; live: LiveRun; place: number; close: () => void }) {
  const { admissions } = live;
  const number = admissions.number.at(place);
  const before = admissions.scoreOf(admissions.parent.at(place));
  const own = admissions.score.at(place);
  return (
    <p class="chosen number" aria-live="polite">
      <a href={`/runs/${run}/programs/${number}`}>Program {count(number)}</a>
      <strong>{score(Number.isNaN(own) ? null : own)}</strong>
      {!Number.isNaN(own - before) && <span class="soft">{gain(own - before)} on its parent</span>}
      <OperatorName operator={OPERATORS[admissions.operator.at(place)] ?? "seed"} />
      {admissions.models.name(admissions.model.at(place))}
      <span class="soft">island {admissions.island.at(place)}</span>
      <button type="button" class="button quiet" onClick={close}>
        Back to the best
      </button>
    </p>
  );
}
