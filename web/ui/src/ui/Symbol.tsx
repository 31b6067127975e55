/**
 * One symbol of the sprite. The sprite is put into the page once, so a symbol is a reference and takes its colours from CSS.
 * A symbol that carries meaning has a name (`label`); one beside its own word is decoration and hidden from readers.
 */
import type { CSSProperties } from "react";
import file from "./symbols.svg?raw";

// The file's comment shows an example of use, which the page must not take for a drawing.
const sprite = file.replace(/<!--[\s\S]*?-->/g, "");

const SPRITE_ID = "anlan-symbols";

/** Puts the sprite into the document; harmless when called twice. */
export function installSprite(): void {
  if (document.getElementById(SPRITE_ID)) return;
  const holder = document.createElement("div");
  holder.id = SPRITE_ID;
  holder.setAttribute("aria-hidden", "true");
  holder.style.cssText = "position:absolute;width:0;height:0;overflow:hidden";
  // Titles inside the sprite would become tooltips in one language; names come from `label`.
  holder.innerHTML = sprite.slice(sprite.indexOf("<svg")).replace(/<title>[^<]*<\/title>/g, "");
  document.body.prepend(holder);
}

/** The drawing of one symbol, for a canvas. */
export function symbolMarkup(name: string): string {
  const found = new RegExp(`<symbol id="${name}"[^>]*>([\\s\\S]*?)</symbol>`).exec(sprite)?.[1];
  if (found === undefined) throw new Error(`no symbol ${name}`);
  return found.replace(/<title>[^<]*<\/title>/, "");
}

type Props = { name: string; size?: number; label?: string; className?: string; style?: CSSProperties };

export function Symbol({ name, size = 16, label, className = "", style }: Props) {
  const named = label ? { role: "img", "aria-label": label } : { "aria-hidden": true };
  return (
    <svg className={`sym ${className}`} width={size} height={size} viewBox="0 0 24 24" style={style} {...named}>
      {label ? <title>{label}</title> : null}
      <use href={`#${name}`} />
    </svg>
  );
}
