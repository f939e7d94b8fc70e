import { useState } from "preact/hooks";
import { api, type Schemas } from "../../api/client";
import { LongText } from "../../parts/long_text";
import { Card } from "../../parts/small";
import { Loading, Ready } from "../../parts/states";
import { usePoll } from "../../poll";
import { count, duration, money, visible } from "../../words";
import { messagesOf, wordsOf } from "./messages";

/** What the model was asked and what it answered. It is read when somebody wants to see it. */
export function Calls({ run, number }: { run: number; number: number }) {
  const [open, setOpen] = useState(false);
  return (
    <Card
      title="Prompt and answer"
      rest={
        <button type="button" class="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Hide" : "Show"}
        </button>
      }
    >
      {open ? <Read run={run} number={number} /> : <p class="soft">What the model read, and what it wrote.</p>}
    </Card>
  );
}

/** What the model said of its change, in its own words; nothing if it did not. */
export function Words({ run, number }: { run: number; number: number }) {
  const calls = useCalls(run, number).data ?? [];
  const words = wordsOf(calls.map((call) => call.answer));
  if (words === "") return null;
  return (
    <p class="model-words">
      <span class="faint">{visible(calls[calls.length - 1]?.model ?? "")}:</span> “{words}”
    </p>
  );
}

function useCalls(run: number, number: number) {
  return usePoll(
    `calls ${run} ${number}`,
    (signal) => api.get("/api/v1/runs/{run}/programs/{number}/calls", { path: { run, number }, signal }),
    0,
  );
}

function Read({ run, number }: { run: number; number: number }) {
  const polled = useCalls(run, number);
  return (
    <Ready of={polled} waiting={<Loading what="the calls" heights={[200]} />}>
      {(calls) =>
        calls.length === 0 ? (
          <p class="soft">No model was asked.</p>
        ) : (
          <div class="stack">
            {calls.map((call, at) => (
              <OneCall key={at} call={call} />
            ))}
          </div>
        )
      }
    </Ready>
  );
}

function OneCall({ call }: { call: Schemas["ModelCall"] }) {
  return (
    <section class="call">
      <p class="number small soft">
        {visible(call.model)} · template {visible(call.template)} · {count(call.tokens_in)} tokens read,{" "}
        {count(call.tokens_out)} written · {duration(call.latency_s)} · {money(call.cost_micro_dollars)}
        {call.finish_reason !== null && ` · ended by ${visible(call.finish_reason)}`}
      </p>
      {messagesOf(call.prompt).map((message, at) => (
        <details key={at}>
          <summary>{visible(message.role)}</summary>
          <LongText text={message.text} label={`Prompt: ${message.role}`} />
        </details>
      ))}
      <details open>
        <summary>answer</summary>
        {call.answer === null ? (
          <p class="bad-word">{visible(call.failure ?? "It is under way.")}</p>
        ) : (
          <LongText text={call.answer} label="Answer of the model" />
        )}
      </details>
    </section>
  );
}
