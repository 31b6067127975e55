/** The Chinese texts, and with them every key there is. A feature keeps its own texts in its folder; this file only gathers them. */
import { zh as desk } from "../alarms/desk-messages";
import { zh as alarms } from "../alarms/messages";
import { zh as app } from "../app/messages";
import { zh as duty } from "../duty/messages";
import { zh as enterprise } from "../enterprise/messages";
import { zh as equipment } from "../equipment/messages";
import { zh as handover } from "../handover/messages";
import { zh as map } from "../map/messages";
import { zh as plant } from "../plant/messages";
import { zh as tester } from "../tester/messages";
import { zh as system } from "../system/messages";
import { zh as session } from "../session/messages";
import { zh as trend } from "../trend/messages";
import { zh as ui } from "../ui/messages";
import { zh as warnings } from "../warnings/messages";

export const zhCN = { ...app, ...ui, ...session, ...alarms, ...desk, ...handover, ...map, ...equipment, ...enterprise, ...trend, ...system, ...plant, ...tester, ...warnings, ...duty } as const;
export type MessageKey = keyof typeof zhCN;
