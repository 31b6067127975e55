/**
 * Search over everything in scope. On the map a hit is shown at its place; elsewhere it is opened. A combobox: arrows choose, Enter goes,
 * Escape leaves.
 */
import { useEffect, useState, type KeyboardEvent } from "react";
import { useLocation, useNavigate } from "react-router";
import { get } from "../api/client";
import type { Point, SearchHit } from "../api/types";
import { useI18n, type MessageKey } from "../i18n";
import { localName } from "../i18n/name";
import { Symbol } from "../ui/Symbol";

const ICONS: Record<SearchHit["kind"], string> = { enterprise: "eq-enterprise", hazard: "eq-hazard", equipment: "eq-tank", point: "pt-level", alarm: "nv-alarm" };
const KINDS: Record<SearchHit["kind"], MessageKey> = {
  enterprise: "top.searchEnterprise", hazard: "enterprise.hazardPlain", equipment: "top.searchEquipment", point: "top.searchPoint", alarm: "top.searchAlarm",
};

export function Search() {
  const { t, language } = useI18n();
  const [text, setText] = useState("");
  const [hits, setHits] = useState<SearchHit[] | null>(null);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const { pathname } = useLocation();
  const navigate = useNavigate();

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
                <span className="ell">{localName(hit.name, language)}</span>
                <span className="m f12 ell">{[t(KINDS[hit.kind]), localName(hit.where, language)].filter(Boolean).join(" · ")}</span>
              </span>
            </div>
          ))}
        </div>
      ) : null}
    </div>
  );
}
