import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "galapagos-theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

function stored(): Theme {
  const found = localStorage.getItem(KEY);
  return THEMES.find((one) => one === found) ?? "system";
}

export const theme = signal<Theme>(stored());
/** Grows whenever colours change: what is drawn on a canvas is to be drawn anew then. */
export const colours = signal(0);

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}

/** Obeys the choice, and the system where none was made. */
export function followTheme(): void {
  effect(() => {
    document.documentElement.style.colorScheme = theme.value === "system" ? "light dark" : theme.value;
    localStorage.setItem(KEY, theme.value);
    colours.value = colours.peek() + 1;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colours.value++;
  });
}

const probe = document.createElement("span");
probe.hidden = true;

/** A colour of the style sheets, such as `--ink`, as a canvas understands it. */
export function colour(name: `--${string}`): string {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}
