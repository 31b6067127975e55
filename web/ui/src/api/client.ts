/**
 * The one way to the center's HTTP interface: same origin, session cookie, JSON. Every failure becomes an `ApiError` with the code that
 * the center gave, so that a page can name what went wrong and quote it.
 */
export const API = "/api/v1";

export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    readonly code: string,
    message: string,
    /** The field of the request that was refused. */
    readonly field: string | null = null,
    /** Everything the answer held, for errors that carry figures. */
    readonly body: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/** Called once for every answer 401 outside signing in: the session is over. */
let onSessionEnded: () => void = () => undefined;
export function whenSessionEnds(handler: () => void): void {
  onSessionEnded = handler;
}

type Query = Record<string, string | number | boolean | null | undefined>;

export function withQuery(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, v]) => v !== undefined && v !== null && v !== "");
  if (pairs.length === 0) return path;
  return `${path}?${new URLSearchParams(pairs.map(([k, v]) => [k, String(v)])).toString()}`;
}

async function errorOf(response: Response): Promise<ApiError> {
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    // an answer without JSON (a proxy's page): the status is all there is
  }
  const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
  return new ApiError(response.status, text(body["code"]) ?? `http_${response.status}`, text(body["message"]) ?? response.statusText, text(body["field"]), body);
}

type Options = { query?: Query; body?: unknown; signal?: AbortSignal };

export async function request<T>(method: string, path: string, { query, body, signal }: Options = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(API + withQuery(path, query), {
      method,
      signal: signal ?? null,
      credentials: "same-origin",
      headers: { Accept: "application/json", "X-Anlan": "1", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, "no_answer", cause instanceof Error ? cause.message : String(cause));
  }
  if (!response.ok) {
    const error = await errorOf(response);
    if (error.status === 401 && path !== "/session") onSessionEnded();
    throw error;
  }
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (cause) {
    throw new ApiError(response.status, "unreadable", cause instanceof Error ? cause.message : String(cause));
  }
}

export const get = <T,>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  request<T>("GET", path, { ...(query ? { query } : {}), ...(signal ? { signal } : {}) });
export const post = <T,>(path: string, body: unknown = {}): Promise<T> => request<T>("POST", path, { body });
export const put = <T,>(path: string, body: unknown): Promise<T> => request<T>("PUT", path, { body });
export const patch = <T,>(path: string, body: unknown): Promise<T> => request<T>("PATCH", path, { body });
export const remove = <T,>(path: string): Promise<T> => request<T>("DELETE", path);

export type Page<T> = { items: T[]; next_cursor: string | null };

/** Reads a list to its end, at most `limit` items: for lists that a screen needs whole. */
export async function getAll<T>(path: string, query: Query = {}, limit = 20_000, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<T> = await get<Page<T>>(path, { limit: 1000, ...query, cursor }, signal);
    items.push(...page.items);
    cursor = page.next_cursor ?? null;
  } while (cursor !== null && items.length < limit);
  return items;
}
