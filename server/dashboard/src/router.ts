import { signal } from "@preact/signals";

/** Where the reader is: path and search of the address. */
export const place = signal(here());

function here(): { path: string; search: URLSearchParams } {
  return { path: location.pathname, search: new URLSearchParams(location.search) };
}

/** Goes to an address of the dashboard; `instead` leaves the present one out of the history. */
export function go(to: string, { instead = false } = {}): void {
  if (instead) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  const moved = place.value.path !== location.pathname;
  place.value = here();
  if (moved && !instead) {
    scrollTo(0, 0);
    // So that a reader by ear hears the new page, and Tab begins in it.
    document.getElementById("main")?.focus({ preventScroll: true });
  }
}

/** Puts values into the search of the address, or takes them out (null), so that what is seen can be shared. */
export function keep(values: Record<string, string | null>): void {
  const search = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === null) search.delete(name);
    else search.set(name, value);
  }
  const text = search.toString();
  go(location.pathname + (text === "" ? "" : `?${text}`), { instead: true });
}

/** Lets links within the dashboard lead there without loading it anew. */
export function followLinks(): void {
  addEventListener("popstate", () => {
    place.value = here();
  });
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.origin !== location.origin || link.target !== "" || link.hasAttribute("download")) return;
    if (link.pathname.startsWith("/api/") || link.hash !== "") return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
