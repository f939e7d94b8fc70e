import { Dialog } from "../parts/dialog";
import { NAVIGATION } from "../views/all";

/** What the keyboard can do, and where to read more. */
export function Help({ close }: { close: () => void }) {
  return (
    <Dialog title="Help" close={close}>
      <table>
        <tbody>
          {KEYS.map(([key, does]) => (
            <tr key={key}>
              <td>
                <kbd>{key}</kbd>
              </td>
              <td>{does}</td>
            </tr>
          ))}
          {NAVIGATION.filter((item) => item.shown?.() ?? true).map((item) => (
            <tr key={item.to}>
              <td>
                <kbd>g</kbd> <kbd>{item.key}</kbd>
              </td>
              <td>{item.name}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="soft">
        Scores are in the problem’s own direction and unit. The verified score is the one to quote: the best program,
        measured again in a fresh sandbox on fresh seeds.
      </p>
      <div class="actions">
        <button type="button" class="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

const KEYS: readonly (readonly [string, string])[] = [
  ["/", "Find: the first search field of the page"],
  ["?", "This help"],
  ["t", "Colours: as the system has them, light, dark"],
  ["Esc", "Close what is open"],
];
