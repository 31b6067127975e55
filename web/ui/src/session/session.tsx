/**
 * Who is using this screen. The center keeps the session in a cookie; the page only asks who it belongs to. When it ends, whatever ended it,
 * the sign-in page comes back and says so, and the place where the person was is kept.
 */
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { ApiError, get, post, remove, whenSessionEnds } from "../api/client";
import type { Role, Session, User } from "../api/types";

type State = { phase: "asking" } | { phase: "out"; ended: boolean } | { phase: "in"; user: User };
type Value = { state: State; signIn: (username: string, password: string) => Promise<void>; signOut: () => Promise<void>; end: () => void };

const Context = createContext<Value | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<State>({ phase: "asking" });

  useEffect(() => {
    let alive = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = (): void => {
      get<{ user: User }>("/session").then(
        ({ user }) => alive && setState({ phase: "in", user }),
        (cause: unknown) => {
          if (!alive) return;
          setState({ phase: "out", ended: false });
          // Not "signed out" but "nobody answered": a person who is signed in should not have to do it again after a restart.
          if (cause instanceof ApiError && cause.status === 0) timer = setTimeout(ask, 3000);
        },
      );
    };
    ask();
    return () => {
      alive = false;
      clearTimeout(timer);
    };
  }, []);

  const end = useCallback(() => setState((s) => (s.phase === "in" ? { phase: "out", ended: true } : s)), []);
  useEffect(() => whenSessionEnds(end), [end]);

  const value = useMemo<Value>(
    () => ({
      state,
      end,
      signIn: async (username, password) => {
        const session = await post<Session>("/session", { username, password });
        setState({ phase: "in", user: session.user });
      },
      signOut: async () => {
        try {
          await remove<void>("/session");
        } catch (cause) {
          // Already ended on the center: the aim is reached.
          if (!(cause instanceof ApiError && cause.status === 401)) throw cause;
        }
        setState({ phase: "out", ended: false });
      },
    }),
    [state, end],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSession(): Value {
  const value = useContext(Context);
  if (!value) throw new Error("useSession outside SessionProvider");
  return value;
}

/** The signed-in person; only for parts below the sign-in. */
export function useUser(): User {
  const { state } = useSession();
  if (state.phase !== "in") throw new Error("useUser while signed out");
  return state.user;
}

const MAY_ACKNOWLEDGE: ReadonlySet<Role> = new Set<Role>(["officer", "enterprise_manager", "enterprise_responder", "administrator"]);
export const mayAcknowledge = (user: User): boolean => MAY_ACKNOWLEDGE.has(user.role);

const MAY_OPERATE: ReadonlySet<Role> = new Set<Role>(["enterprise_manager", "enterprise_responder", "administrator"]);
/** Whether this person may say that equipment runs or does not. */
export const mayOperate = (user: User): boolean => MAY_OPERATE.has(user.role);
