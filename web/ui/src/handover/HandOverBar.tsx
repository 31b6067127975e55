/** The line on the desk that somebody wants to hand over, and the way to the hand-over page. */
import { Link } from "react-router";
import { useI18n } from "../i18n";
import { useUser } from "../session/session";
import { Symbol } from "../ui/Symbol";
import { incomingOf, useHandOvers } from "./useHandOvers";

export function HandOverLink() {
  const { t } = useI18n();
  const me = useUser().username;
  const [first, ...more] = incomingOf(useHandOvers().data, me);
  if (!first) return <Link className="btn" to="/hand-over"><Symbol name="ac-handover" size={16} />{t("handover.title")}</Link>;
  return <Link className="btn pri" to={more.length === 0 ? `/hand-over?no=${first.no}` : "/hand-over"} role="status" title={t("handover.waiting", { from: first.from_name, n: first.count })}><Symbol name="ac-handover" size={16} />{t("handover.incoming")} {more.length + 1}</Link>;
}
