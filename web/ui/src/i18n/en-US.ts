/** The English texts: one for every Chinese key, or this does not compile. */
import { en as desk } from "../alarms/desk-messages";
import { en as alarms } from "../alarms/messages";
import { en as app } from "../app/messages";
import { en as duty } from "../duty/messages";
import { en as enterprise } from "../enterprise/messages";
import { en as equipment } from "../equipment/messages";
import { en as handover } from "../handover/messages";
import { en as map } from "../map/messages";
import { en as plant } from "../plant/messages";
import { en as tester } from "../tester/messages";
import { en as system } from "../system/messages";
import { en as session } from "../session/messages";
import { en as trend } from "../trend/messages";
import { en as ui } from "../ui/messages";
import { en as warnings } from "../warnings/messages";
import type { MessageKey } from "./zh-CN";

export const enUS: Record<MessageKey, string> = { ...app, ...ui, ...session, ...alarms, ...desk, ...handover, ...map, ...equipment, ...enterprise, ...trend, ...system, ...plant, ...tester, ...warnings, ...duty };
