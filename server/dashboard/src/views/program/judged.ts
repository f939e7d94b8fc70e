import type { Schemas } from "../../api/client";

export type Stage = Schemas["server__schemas__programs__Stage"];
export type Verification = Schemas["server__schemas__programs__Verification"];
