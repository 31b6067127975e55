/** The geometry of the drawings, apart from how they are drawn: where inside a vessel is its top and its bottom. */
export type VesselKind = "sphere" | "tank" | "htank" | "warehouse" | "unit" | "area";
export type Vessel = { kind: VesselKind; top: number; bottom: number; left: number; right: number };

const VESSELS: Record<VesselKind, Vessel> = {
  sphere: { kind: "sphere", top: 52, bottom: 224, left: 40, right: 212 },
  tank: { kind: "tank", top: 66, bottom: 236, left: 42, right: 206 },
  htank: { kind: "htank", top: 96, bottom: 196, left: 20, right: 216 },
  warehouse: { kind: "warehouse", top: 110, bottom: 232, left: 24, right: 232 },
  unit: { kind: "unit", top: 50, bottom: 236, left: 40, right: 210 },
  area: { kind: "area", top: 90, bottom: 220, left: 30, right: 226 },
};

export function vesselOf(kind: string): Vessel {
  return kind in VESSELS ? VESSELS[kind as VesselKind] : VESSELS.unit;
}

/** The height of the liquid's surface in the drawing; nothing is drawn for an unknown level. */
export function liquidTop(vessel: Vessel, share: number | null): number | null {
  if (share === null) return null;
  return vessel.bottom - Math.min(1, Math.max(0, share)) * (vessel.bottom - vessel.top);
}
