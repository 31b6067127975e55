/**
 * The values of tokens.css as data, for what cannot read a custom property: canvas, WebGL, the Ant algorithm, the contrast test.
 * The style sheet stays the one place where a colour is written.
 */
import css from "./tokens.css?raw";

export type Theme = "light" | "dark";
export type Tokens = Readonly<Record<string, string>>;

/** Reads the custom properties out of the block of one theme. */
export function parseTokens(source: string, theme: Theme): Tokens {
  const block = new RegExp(`\\[data-theme="${theme}"\\]\\s*\\{([^}]*)\\}`).exec(source);
  if (!block?.[1]) throw new Error(`tokens.css has no block for ${theme}`);
  const tokens: Record<string, string> = {};
  for (const [, name, value] of block[1].matchAll(/--([\w-]+):\s*([^;]+);/g)) {
    if (name && value) tokens[name] = value.trim();
  }
  return tokens;
}

const parsed: Record<Theme, Tokens> = { light: parseTokens(css, "light"), dark: parseTokens(css, "dark") };

export function tokens(theme: Theme): Tokens {
  return parsed[theme];
}

/** One token's value; a name that tokens.css does not know is a programming mistake. */
export function token(theme: Theme, name: string): string {
  const value = parsed[theme][name];
  if (value === undefined) throw new Error(`no token --${name}`);
  return value;
}
