import { expect, it } from "vitest";
import type { Schemas } from "../src/api/client";
import { gpusInWords, gpuTone, totals } from "../src/views/fleet/totals";
import { columnsOf, firstDay, knowsGpus, ordered, summed } from "../src/views/spend/order";

function spent(name: string, micro_dollars: number, evaluations: number | null): Schemas["Spent"] {
  const tokens = { tokens_in: micro_dollars * 2, tokens_out: 1, calls: 3, failed: 1 };
  return {
    by: "project",
    id: 1,
    name,
    project: 1,
    micro_dollars,
    ...tokens,
    evaluations,
    gpu_milliseconds: evaluations,
    limits: null,
  };
}

it("sorts numbers with the largest first, names from A, and the other way round", () => {
  const lines = [spent("b", 5, 1), spent("a", 9, null), spent("c", 7, 30)];
  const names = (column: Parameters<typeof ordered>[1], turned: boolean) =>
    ordered(lines, column, turned)
      .map((line) => line.name)
      .join("");
  expect(names("micro_dollars", false)).toBe("acb");
  expect(names("micro_dollars", true)).toBe("bca");
  expect(names("name", false)).toBe("abc");
  expect(names("tokens", false)).toBe("acb");
  expect(names("evaluations", false)).toBe("cba");
  expect(names("calls", false)).toBe("abc");
  expect(summed(lines)).toEqual({
    micro_dollars: 21,
    tokens_in: 42,
    tokens_out: 3,
    evaluations: 31,
    gpu_milliseconds: 31,
    calls: 9,
    failed: 3,
  });
});

it("tells of GPUs only where somebody held one, or may hold only so much", () => {
  const names = (lines: Schemas["Spent"][], by: "project" | "model") =>
    columnsOf(by, knowsGpus(lines)).map(([name]) => name);
  const none = { micro_dollars: null, tokens: null, evaluations: null, gpu_milliseconds: null };
  expect(names([spent("a", 1, 0)], "project")).not.toContain("gpu_milliseconds");
  expect(names([{ ...spent("a", 1, 0), limits: none }], "project")).not.toContain("gpu_milliseconds");
  expect(names([{ ...spent("a", 1, 0), limits: { ...none, gpu_milliseconds: 0 } }], "project")).toContain(
    "gpu_milliseconds",
  );
  expect(names([spent("a", 1, 7)], "project")).toContain("gpu_milliseconds");
  expect(names([spent("a", 1, 7)], "model")).toEqual(["name", "micro_dollars", "tokens", "calls", "failed"]);
});

it("counts days with today, in UTC", () => {
  const now = Date.parse("2026-03-01T00:30:00Z");
  expect(firstDay(1, now)).toBe("2026-03-01");
  expect(firstDay(7, now)).toBe("2026-02-23");
});

it("tells how busy the fleet is, and which kind of process is missing", () => {
  const process = { host: "a", version: "1", started_at: "", heard_at: "", tier: null, machine: null };
  const queue = { waiting: 2, oldest_waiting_s: 1, held: 3, oldest_held_s: 1, lease_left_s: 4 };
  const found = totals({
    processes: [
      { ...process, id: 1, kind: "server", state: "alive", slots: null, busy_slots: null },
      { ...process, id: 2, kind: "evaluators", state: "alive", slots: 8, busy_slots: 5 },
      { ...process, id: 3, kind: "evaluators", state: "lost", slots: 8, busy_slots: 8 },
      { ...process, id: 4, kind: "workers", state: "lost", slots: null, busy_slots: null },
    ],
    gpus: [],
    queues: [{ run: 1, project: 1, title: "t", proposals: queue, evaluations: queue }],
  });
  expect(found).toEqual({
    alive: 2,
    lost: 2,
    slots: 8,
    busy: 5,
    waiting: 4,
    held: 6,
    missing: ["controller", "workers"],
  });
});

it("says in words how GPUs fare, the worst by its tone", () => {
  const gpus = (...healths: Schemas["FleetGpu"]["health"][]) => healths.map((health) => ({ health }));
  expect(gpusInWords(gpus("leased", "free", "lost", "free"))).toBe("4 GPUs: 2 free, 1 leased, 1 lost");
  expect(gpusInWords(gpus("busy"))).toBe("1 GPU: 1 busy");
  expect(gpuTone(gpus("free", "leased"))).toBe("good");
  expect(gpuTone(gpus("free", "busy"))).toBe("warn");
  expect(gpuTone(gpus("busy", "lost"))).toBe("bad");
});
