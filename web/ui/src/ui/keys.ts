/** Keys of a page (design-language §12). They rest while somebody types, and leave alone what the browser owns. */
import { useEffect, useRef } from "react";

export type Keys = Record<string, (event: KeyboardEvent) => void>;

export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** An open dialog has the keys to itself: what is behind it must not act. */
function dialogOpen(): boolean {
  return [...document.querySelectorAll<HTMLElement>('[role="dialog"]')].some((d) => d.getClientRects().length > 0);
}

export function useKeys(keys: Keys): void {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (typing(event.target) && event.key !== "Escape") return;
      if (dialogOpen() || (event.target instanceof HTMLElement && event.target.closest('[role="search"]'))) return;
      const handler = current.current[event.key.length === 1 ? event.key.toUpperCase() : event.key];
      if (!handler) return;
      event.preventDefault();
      handler(event);
    };
    // On the way down: a dialog that closes itself on Esc is still there then.
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  }, []);
}
