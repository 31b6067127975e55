/**
 * Search over everything in scope. On the map a hit is shown at its place; elsewhere it is opened. A combobox: arrows choose, Enter goes,
 * Escape leaves.
 */
import { useEffect, useState, type KeyboardEvent } from "react";
import { useLocation, useNavigate } from "react-router";
import { get } from "../api/client";
import type { Point, SearchHit } from "../api/types";
import { tagOf } from "../alarms/alarm";
import { useDirectory, type Directory } from "../enterprise/directory";
import { useI18n, type Language, type MessageKey, type Translate } from "../i18n";
import { localName } from "../i18n/name";
import { zhCN } from "../i18n/zh-CN";
import { Symbol } from "../ui/Symbol";

const ICONS: Record<SearchHit["kind"], string> = { enterprise: "eq-enterprise", hazard: "eq-hazard", equipment: "eq-tank", point: "pt-level", alarm: "nv-alarm" };
const KINDS: Record<SearchHit["kind"], MessageKey> = {
  enterprise: "top.searchEnterprise", hazard: "enterprise.hazardPlain", equipment: "top.searchEquipment", point: "top.searchPoint", alarm: "top.searchAlarm",
};

/** Equipment and points are known by their tags, an alarm by its condition too. */
export function hitTitle(hit: SearchHit, t: Translate, language: Language): string {
  const name = localName(hit.name, language);
  switch (hit.kind) {
    case "equipment":
    case "point":
      return name.startsWith(tagOf(hit.id)) ? name : `${tagOf(hit.id)} ${name}`;
    case "alarm": {
      const [subject = hit.id, condition] = hit.id.split("|");
      const known = condition !== undefined && `alarms.short.${condition}` in zhCN ? t(`alarms.short.${condition}` as MessageKey) : "";
      return [tagOf(subject), name, known].filter(Boolean).join(" ");
    }
    case "enterprise":
    case "hazard":
      return name;
  }
}

/** The center names the place by its code; people read the name. */
export function hitPlace(hit: SearchHit, { enterprises, regions }: Pick<Directory, "enterprises" | "regions">, language: Language): string {
  if (typeof hit.where !== "string") return localName(hit.where, language);
  const [code = "", tag] = [hit.where.split(".")[0], hit.where.includes(".") ? tagOf(hit.where) : undefined];
  const owner = enterprises.get(code) ?? regions.get(code);
  return owner ? [localName(owner.name, language), tag].filter(Boolean).join(" · ") : hit.where;
}

export function Search() {
  const { t, language } = useI18n();
  const [text, setText] = useState("");
  const [hits, setHits] = useState<SearchHit[] | null>(null);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const directory = useDirectory();

  useEffect(() => {
    const q = text.trim();
    if (!q) {
      setHits(null);
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      get<SearchHit[] | { items: SearchHit[] }>("/search", { q }, abort.signal).then(
        (found) => {
          setHits(Array.isArray(found) ? found : found.items);
          setAt(0);
        },
        () => {
          if (!abort.signal.aborted) setHits([]);
        },
      );
    }, 180);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);

  const choose = async (hit: SearchHit): Promise<void> => {
    setOpen(false);
    setText("");
    if (pathname === "/map" && hit.longitude !== null && hit.latitude !== null) {
      await navigate(`/map?${new URLSearchParams({ focus: `${hit.longitude},${hit.latitude}`, ref: hit.id }).toString()}`);
      return;
    }
    const id = encodeURIComponent(hit.id);
    switch (hit.kind) {
      case "enterprise":
        return void navigate(`/enterprises/${id}`);
      case "hazard":
        // A hazard source's code begins with its enterprise's; the page of the enterprise lists it.
        return void navigate(`/enterprises/${encodeURIComponent(hit.id.slice(0, -3))}?hazard=${id}`);
      case "equipment":
        return void navigate(`/equipment/${id}`);
      case "point": {
        const point = await get<Point>(`/points/${id}`);
        return void navigate(`/equipment/${encodeURIComponent(point.equipment)}?point=${id}`);
      }
      case "alarm":
        return void navigate(`/alarms?alarm=${id}`);
    }
  };

  const onKey = (event: KeyboardEvent<HTMLInputElement>): void => {
    const n = hits?.length ?? 0;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (n > 0) setAt((i) => (i + (event.key === "ArrowDown" ? 1 : n - 1)) % n);
    } else if (event.key === "Enter") {
      const hit = hits?.[at];
      if (hit) void choose(hit);
    } else if (event.key === "Escape") {
      setText("");
      event.currentTarget.blur();
    }
  };

  const shown = open && text.trim() !== "" && hits !== null;
  return (
    <div className="search" role="search">
      <Symbol name="ui-search" size={16} />
      <input
        id="search" type="search" role="combobox" aria-label={t("top.searchLabel")} aria-expanded={shown} aria-controls="search-hits" aria-autocomplete="list"
        aria-activedescendant={shown && hits[at] ? `hit-${at}` : undefined} placeholder={t("top.search")} value={text} autoComplete="off"
        onChange={(e) => setText(e.target.value)} onFocus={() => setOpen(true)} onBlur={() => setTimeout(() => setOpen(false), 150)} onKeyDown={onKey}
      />
      <kbd className="kbd kbd-hint" aria-hidden="true">/</kbd>
      {shown ? (
        <div className="hits float" id="search-hits" role="listbox" aria-label={t("top.searchLabel")}>
          {hits.length === 0 ? <p className="m none">{t("top.searchEmpty", { text: text.trim() })}</p> : null}
          {hits.map((hit, i) => (
            <div key={`${hit.kind}:${hit.id}`} id={`hit-${i}`} role="option" aria-selected={i === at} className="hit" onMouseEnter={() => setAt(i)} onMouseDown={() => void choose(hit)}>
              <Symbol name={ICONS[hit.kind]} size={18} />
              <span className="col grow">
                <span className="ell">{hitTitle(hit, t, language)}</span>
                <span className="m f12 ell">{[t(KINDS[hit.kind]), hitPlace(hit, directory, language)].filter(Boolean).join(" · ")}</span>
              </span>
            </div>
          ))}
        </div>
      ) : null}
    </div>
  );
}
