/** The states of an alarm (docs/protocols/http.md), as questions. */
import type { Alarm, Quiet } from "../api/types";

export const QUIETS: readonly Quiet[] = ["shelved", "suppressed", "out_of_service"];

/** It stands and is kept from being annunciated. */
export const isQuiet = ({ state }: Pick<Alarm, "state">): boolean => (QUIETS as readonly string[]).includes(state);
