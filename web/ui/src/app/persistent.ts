/** Tries again what the network refused: a page asked for while the center is away appears when it is back. */
const PAUSE_MS = 2000;
const TRIES = 15;

export async function persistent<T>(load: () => Promise<T>, tries: number = TRIES, pause: number = PAUSE_MS): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await load();
    } catch (cause) {
      if (n >= tries) throw cause;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
