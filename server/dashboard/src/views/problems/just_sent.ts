import { signal } from "@preact/signals";
import type { Schemas } from "../../api/client";

/** What the service said of the problem that was submitted last from this page. */
export const justSent = signal<Schemas["UploadedProblem"] | null>(null);
