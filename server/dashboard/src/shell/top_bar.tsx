import { place } from "../router";
import { session, signOut } from "../session";
import { nextTheme, theme } from "../theme";
import { NAVIGATION } from "../views/all";
import { Mark } from "./mark";

export function TopBar({ help }: { help: () => void }) {
  const now = session.value;
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="Galapagos: all runs">
        <Mark />
        Galapagos
      </a>
      <nav aria-label="Views">
        {NAVIGATION.filter((item) => item.shown?.() ?? true).map((item) => (
          <a
            key={item.to}
            href={item.to}
            aria-current={item.below.some((part) => within(place.value.path, part)) ? "page" : undefined}
          >
            {item.name}
          </a>
        ))}
      </nav>
      <div class="rest">
        {now.state === "in" && <span class="who">{now.me.name}</span>}
        <button
          type="button"
          class="button quiet"
          aria-label={`Colours: ${theme.value}. Change`}
          title={`Colours: ${theme.value}`}
          onClick={nextTheme}
        >
          <ThemeSign />
        </button>
        <button type="button" class="button quiet" aria-label="Help" title="Help ( ? )" onClick={help}>
          ?
        </button>
        <button type="button" class="button quiet" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </header>
  );
}

function within(path: string, part: string): boolean {
  return path === part || (part !== "/" && path.startsWith(`${part}/`));
}

function ThemeSign() {
  const half = { system: "M8 2a6 6 0 0 1 0 12z", light: "", dark: "M8 2a6 6 0 0 1 0 12a6 6 0 0 1 0-12z" }[theme.value];
  return (
    <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true">
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
      <path d={half} fill="currentColor" />
    </svg>
  );
}
