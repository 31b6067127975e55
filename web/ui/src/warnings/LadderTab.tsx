/** The escalation ladder: for each colour who is called at once, who when it is overdue, and the time limits. */
import "./warnings.css";
import { InputNumber, Select } from "antd";
import { useState } from "react";
import { useI18n } from "../i18n";
import { Faces } from "../ui/faces";
import { Pennant } from "./Pennant";
import { Earlier, SaveBar, useMayEditSettings, VersionLine } from "./SettingsFrame";
import { DUTIES, saveLadder, useVersions, type Call, type Duty, type LadderPlans, type Plan, type Versions } from "./settings";
import { COLOURS, RUNGS, type Rung } from "./types";

type When = "at_once" | "later" | "never";

export function LadderTab() {
  const { t } = useI18n();
  const read = useVersions<LadderPlans>("/escalation-ladder");
  return (
    <section className="card" aria-label={t("system.tab.ladder")}>
      <Faces of={read} what={t("ladder.what")}>{(versions) => <Plans key={versions.current.version} versions={versions} saved={read.reload} />}</Faces>
    </section>
  );
}

function Plans({ versions, saved }: { versions: Versions<LadderPlans>; saved: () => void }) {
  const may = useMayEditSettings();
  const [plans, setPlans] = useState<LadderPlans>(versions.current.value);
  const changed = JSON.stringify(plans) !== JSON.stringify(versions.current.value);
  return (
    <>
      <VersionLine of={versions.current} />
      <div className="ladder-grid">
        {COLOURS.map((colour) => (
          <section key={colour} className={`edge-${colour}`}>
            <Pennant colour={colour} size={20} />
            <PlanForm plan={plans[colour]} may={may} change={(plan) => setPlans({ ...plans, [colour]: plan })} />
          </section>
        ))}
      </div>
      <SaveBar changed={changed} cancel={() => setPlans(versions.current.value)} save={async (reason) => { await saveLadder(versions.current.version, reason, plans); saved(); }} />
      <Earlier of={versions} />
    </>
  );
}

function PlanForm({ plan, may, change }: { plan: Plan; may: boolean; change: (plan: Plan) => void }) {
  const { t } = useI18n();
  const at = (rung: Rung): Call | undefined => plan.calls.find((c) => c.rung === rung);
  const put = (rung: Rung, call: Call | null): void => {
    const others = plan.calls.filter((c) => c.rung !== rung);
    change({ ...plan, calls: [...others, ...(call ? [call] : [])].sort((a, b) => RUNGS.indexOf(a.rung) - RUNGS.indexOf(b.rung)) });
  };
  const number = (label: "ladder.answer" | "ladder.feedback" | "ladder.remind" | "ladder.closeAfter", key: keyof Omit<Plan, "calls">, unit: number) => (
    <label>
      <span className="s">{t(label)}</span>
      <InputNumber min={0} max={604_800 / unit} value={plan[key] / unit} disabled={!may} onChange={(n) => change({ ...plan, [key]: Math.round((n ?? 0) * unit) })} />
    </label>
  );
  return (
    <>
      {RUNGS.map((rung) => {
        const call = at(rung);
        const when: When = call ? (call.at_once ? "at_once" : "later") : "never";
        return (
          <div key={rung} className="ladder-call">
            <b>{t(`warn.rung.${rung}`)}</b>
            <Select<When> size="small" aria-label={t(`warn.rung.${rung}`)} disabled={!may} value={when} options={[{ value: "at_once", label: t("ladder.atOnce") }, { value: "later", label: t("ladder.later") }, { value: "never", label: t("ladder.never") }]}
              onChange={(next) => put(rung, next === "never" ? null : { rung, duties: call?.duties ?? ["duty_officer"], at_once: next === "at_once" })} />
            {call ? (
              <div>
                <Select<Duty[]> size="small" mode="multiple" style={{ width: "100%" }} aria-label={`${t(`warn.rung.${rung}`)} ${t("ladder.what")}`} disabled={!may} value={call.duties} options={DUTIES.map((d) => ({ value: d, label: t(`ladder.duty.${d}`) }))} onChange={(duties) => put(rung, { ...call, duties })} />
              </div>
            ) : null}
          </div>
        );
      })}
      <div className="ladder-times">
        {number("ladder.answer", "answer_within_s", 60)}
        {number("ladder.remind", "remind_every_s", 60)}
        {number("ladder.feedback", "feedback_within_s", 60)}
        {number("ladder.closeAfter", "close_after_s", 3600)}
      </div>
    </>
  );
}
