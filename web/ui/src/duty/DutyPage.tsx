/** Duty: every unit in scope with who is on duty, one unit's roster below its own address, and how one is reached oneself. */
import "./duty.css";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { useI18n } from "../i18n";
import { useUser } from "../session/session";
import { ContactForm } from "./ContactForm";
import { HolidaysForm } from "./HolidaysForm";
import { UnitList } from "./UnitList";
import { UnitPage } from "./UnitPage";

export function DutyPage() {
  const { t } = useI18n();
  const user = useUser();
  const { id } = useParams();
  const [open, setOpen] = useState<"contact" | "holidays" | null>(null);
  return (
    <div className="page duty">
      <header className="row g12 duty-head">
        <h1 className="page-title grow">{t("duty.title")}</h1>
        {id ? <Link className="btn txt" to="/duty">{t("duty.back")}</Link> : null}
        {user.role === "administrator" ? <button type="button" className="btn" onClick={() => setOpen("holidays")}>{t("duty.holidays")}</button> : null}
        <button type="button" className="btn" onClick={() => setOpen("contact")}>{t("duty.contact")}</button>
      </header>
      {id ? <UnitPage key={id} id={id} /> : <UnitList />}
      {open === "contact" ? <ContactForm close={() => setOpen(null)} /> : null}
      {open === "holidays" ? <HolidaysForm close={() => setOpen(null)} /> : null}
    </div>
  );
}
