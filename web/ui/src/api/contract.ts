/**
 * Holds types.ts to what the center says of itself: every field that a page reads must be in the description that `npm run gen` turns into
 * generated.ts, or this does not compile and names the field. The page's own types stay, because they are narrower: the description knows
 * `state` as a text, the page must know its four words.
 */
import type * as page from "./types";
import type { components } from "./generated";

type Described = components["schemas"];
/** Fields that the page reads and the center does not describe. */
type Unknown<Page, Center> = Exclude<keyof Page, keyof Center>;
type None<T extends never> = T;

export type Checked = [
  None<Unknown<page.User, Described["User"]>>,
  None<Unknown<page.Session, Described["Opened"]>>,
  None<Unknown<page.Status, Described["Status"]>>,
  None<Unknown<page.Rollup, Described["Rollup"]>>,
  None<Unknown<page.Region, Described["Region"]>>,
  None<Unknown<page.Enterprise, Described["Enterprise"]>>,
  None<Unknown<page.HazardSource, Described["HazardSource"]>>,
  None<Unknown<page.Equipment, Described["Equipment"]>>,
  None<Unknown<page.Point, Described["Point"]>>,
  None<Unknown<page.Limit, Described["LimitBody"]>>,
  None<Unknown<page.Limits, Described["LimitsBody"]>>,
  None<Unknown<page.Alarm, Described["Alarm"]>>,
  None<Unknown<page.AlarmLogEntry, Described["LogEntry"]>>,
  None<Unknown<page.Acknowledgement, Described["Acknowledged"]>>,
  None<Unknown<page.Trend, Described["TrendBody"]>>,
  None<Unknown<page.TrendBucket, Described["Bucket"]>>,
  None<Unknown<page.GatewayState, Described["Gateway"]>>,
  None<Unknown<page.SearchHit, Described["Hit"]>>,
  None<Unknown<page.QualityRow, Described["PointQuality"] & Described["EnterpriseQuality"]>>,
];
