import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Empty, Loading } from "../parts/states";
import { matched } from "../paths";
import { place } from "../router";
import { mayAnywhere } from "../session";
import { visible } from "../words";

type Parameters = Record<string, string>;

interface Route {
  /** Such as `/runs/:run`. */
  pattern: string;
  /** Fetched when it is first needed, so that each view costs its own visitors alone. */
  load: () => Promise<{ default: ComponentType<Parameters> }>;
}

interface Item {
  name: string;
  to: string;
  /** Where it is marked as the present one. */
  below: readonly string[];
  /** Leads there after `g`. */
  key: string;
  /** Left out: everybody sees it. */
  shown?: () => boolean;
}

/** The top bar, in order. */
export const NAVIGATION: readonly Item[] = [
  { name: "Runs", to: "/", below: ["/", "/runs"], key: "r" },
  { name: "Problems", to: "/problems", below: ["/problems"], key: "p" },
  { name: "Compare", to: "/compare", below: ["/compare"], key: "c" },
  {
    name: "Spend",
    to: "/spend",
    below: ["/spend"],
    key: "s",
    shown: () => mayAnywhere("inspect"),
  },
  { name: "Fleet", to: "/fleet", below: ["/fleet"], key: "f" },
];

/** Every view by its address; the first pattern that fits is taken. */
const ROUTES: readonly Route[] = [
  { pattern: "", load: () => import("./runs/runs") },
  { pattern: "/runs/:run", load: () => import("./run/run") },
  { pattern: "/runs/:run/archive", load: () => import("./archive/archive") },
  { pattern: "/runs/:run/lineage", load: () => import("./lineage/lineage") },
  { pattern: "/runs/:run/programs/:number", load: () => import("./program/program") },
  { pattern: "/problems", load: () => import("./problems/problems") },
  { pattern: "/problems/new", load: () => import("./problems/submit") },
  { pattern: "/problems/:revision", load: () => import("./problems/problem") },
  { pattern: "/compare", load: () => import("./compare/compare") },
  { pattern: "/spend", load: () => import("./spend/spend") },
  { pattern: "/fleet", load: () => import("./fleet/fleet") },
];

/** The view of the present address. */
export function View() {
  const path = place.value.path;
  const [loaded, setLoaded] = useState<{ pattern: string; view: ComponentType<Parameters> }>();
  const [late, setLate] = useState(false);
  const found = ROUTES.map((route) => ({ route, parameters: matched(route.pattern, path) })).find(
    (one) => one.parameters !== null,
  );
  const pattern = found?.route.pattern;
  useEffect(() => {
    const route = ROUTES.find((one) => one.pattern === pattern);
    if (route === undefined) return;
    let left = false;
    route.load().then(
      (module) => {
        if (!left) setLoaded({ pattern: route.pattern, view: module.default });
      },
      // Its files have other names once the service has another version.
      () => setLate(true),
    );
    return () => {
      left = true;
    };
  }, [pattern]);
  if (late) {
    return (
      <Empty whole title="The service has a new version">
        <a class="button first" href={path} target="_self">
          Load this page anew
        </a>
      </Empty>
    );
  }
  if (found?.parameters === undefined || found.parameters === null) return <NoView path={path} />;
  if (loaded === undefined || loaded.pattern !== pattern) return <Loading what="the page" heights={[40, 120, 320]} />;
  const Found = loaded.view;
  return <Found key={path} {...found.parameters} />;
}

function NoView({ path }: { path: string }) {
  return (
    <Empty whole title="Nothing is at this address">
      <p>
        <code>{visible(path)}</code> is no page of the dashboard.
      </p>
      <a class="button" href="/">
        All runs
      </a>
    </Empty>
  );
}
