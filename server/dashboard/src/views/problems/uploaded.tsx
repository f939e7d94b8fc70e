import type { Schemas } from "../../api/client";
import { Card } from "../../parts/small";
import { count, spaced, visible } from "../../words";

type Uploaded = Schemas["UploadedProblem"];

/** What the service found in a problem that was just submitted. */
export function UploadedCard({ uploaded, close }: { uploaded: Uploaded; close: () => void }) {
  const title = uploaded.new ? "It was stored" : "The project knew it already";
  return (
    <Card
      title={title}
      rest={
        <button type="button" class="button quiet" aria-label="Close" onClick={close}>
          ×
        </button>
      }
    >
      <p>
        Files: {count(uploaded.files)}. Signs of the program that may change: {count(uploaded.length)}; numbers among
        them: {count(uploaded.literals)}.
        {!uploaded.score_isolated && " Its evaluator runs beside the candidate: scores are not isolated."}
      </p>
      {uploaded.warnings.map((warning) => (
        <p key={warning} class="mark">
          {visible(warning)}
        </p>
      ))}
      {uploaded.translation !== null && <Translated translation={uploaded.translation} />}
      <p class="soft">No code of it ran yet: check the seed, or start a run, which judges the program first.</p>
    </Card>
  );
}

function Translated({ translation }: { translation: Schemas["Translation"] }) {
  return (
    <>
      <p>
        Translated from a folder of {translation.format}: program <code>{visible(translation.program)}</code>, evaluator{" "}
        <code>{visible(translation.evaluator)}</code>
        {translation.settings !== null && (
          <>
            , settings <code>{visible(translation.settings)}</code>
          </>
        )}
        .
      </p>
      {translation.notes.map((note) => (
        <p key={note} class="soft">
          {visible(note)}
        </p>
      ))}
      {translation.findings.length > 0 && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>Setting</th>
                <th>Treatment</th>
                <th>Becomes</th>
              </tr>
            </thead>
            <tbody>
              {translation.findings.map((found) => (
                <tr key={found.key}>
                  <td class="path">{visible(found.key)}</td>
                  <td>{spaced(found.treatment)}</td>
                  <td class="wide">{visible(found.becomes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
