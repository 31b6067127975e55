/**
 * Something read from the center, in one of its faces: loading, failed, ready. A ready resource that is being read again stays ready,
 * so a page never blinks; a failed refresh keeps what was there and says so.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError } from "./client";

export type Resource<T> = {
  data: T | null;
  error: ApiError | null;
  loading: boolean;
  reload: () => void;
};

type State<T> = { key: string | null; data: T | null; error: ApiError | null; loading: boolean };

export function asApiError(cause: unknown): ApiError {
  return cause instanceof ApiError ? cause : new ApiError(0, "unexpected", cause instanceof Error ? cause.message : String(cause));
}

/** Reads when `key` changes; a null key reads nothing. `every` reads again in that rhythm. */
export function useResource<T>(key: string | null, read: (signal: AbortSignal) => Promise<T>, every?: number): Resource<T> {
  const [state, setState] = useState<State<T>>({ key: null, data: null, error: null, loading: true });
  const [round, setRound] = useState(0);
  const reader = useRef(read);
  useEffect(() => {
    reader.current = read;
  });

  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setState((s) => (s.key === key ? { ...s, loading: true } : { key, data: null, error: null, loading: true }));
    reader.current(abort.signal).then(
      (data) => {
        if (!abort.signal.aborted) setState({ key, data, error: null, loading: false });
      },
      (cause: unknown) => {
        if (!abort.signal.aborted) setState((s) => ({ ...s, error: asApiError(cause), loading: false }));
      },
    );
    return () => abort.abort();
  }, [key, round]);

  useEffect(() => {
    if (!every || key === null) return;
    const timer = setInterval(() => setRound((r) => r + 1), every);
    return () => clearInterval(timer);
  }, [every, key]);

  const reload = useCallback(() => setRound((r) => r + 1), []);
  const current = state.key === key;
  return { data: current ? state.data : null, error: current ? state.error : null, loading: key !== null && (!current || state.loading), reload };
}
