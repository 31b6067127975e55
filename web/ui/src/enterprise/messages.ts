/** Words of enterprises: the list and the page. */
export const zh = {
  "enterprise.title": "企业", "enterprise.what": "企业", "enterprise.none": "你的范围内还没有企业", "enterprise.name": "企业", "enterprise.code": "登记编码", "enterprise.creditCode": "统一社会信用代码", "enterprise.standing": "现存报警", "enterprise.points": "点位", "enterprise.gateway": "采集主机", "enterprise.lastReading": "最新读数",
  "enterprise.hazards": "重大危险源", "enterprise.hazard": "{grade}重大危险源", "enterprise.hazardPlain": "重大危险源", "enterprise.grade.1": "一级", "enterprise.grade.2": "二级", "enterprise.grade.3": "三级", "enterprise.grade.4": "四级", "enterprise.noHazards": "没有重大危险源", "enterprise.general": "一般区域", "enterprise.equipment": "设备",
  "enterprise.online": "在线率", "enterprise.completeness": "完整率", "enterprise.badShare": "坏值率", "enterprise.onMap": "地图", "enterprise.connected": "已连接", "enterprise.lost": "断链 {duration}", "enterprise.never": "从未连接", "enterprise.quality": "数据质量", "enterprise.qualityWorst": "最差的点位", "enterprise.filter": "找企业",
  "enterprise.alarms": "报警", "enterprise.allGood": "没有报警", "enterprise.address": "地址", "enterprise.contact": "联系人", "enterprise.region": "所在园区", "enterprise.industry": "行业", "enterprise.backlog": "积压 {n}", "enterprise.tanks": "{n} 台设备", "enterprise.material": "主要危险化学品",
} as const;

export const en: Record<keyof typeof zh, string> = {
  "enterprise.title": "Enterprises", "enterprise.what": "the enterprise", "enterprise.none": "No enterprise in your scope yet", "enterprise.name": "Enterprise", "enterprise.code": "Code", "enterprise.creditCode": "Credit code", "enterprise.standing": "Standing alarms", "enterprise.points": "Points", "enterprise.gateway": "Gateway", "enterprise.lastReading": "Last reading",
  "enterprise.hazards": "Major hazard sources", "enterprise.hazard": "Major hazard source, class {grade}", "enterprise.hazardPlain": "Major hazard source", "enterprise.grade.1": "1", "enterprise.grade.2": "2", "enterprise.grade.3": "3", "enterprise.grade.4": "4", "enterprise.noHazards": "No major hazard source", "enterprise.general": "General area", "enterprise.equipment": "Equipment",
  "enterprise.online": "Online", "enterprise.completeness": "Complete", "enterprise.badShare": "Bad data", "enterprise.onMap": "Map", "enterprise.connected": "connected", "enterprise.lost": "lost for {duration}", "enterprise.never": "never connected", "enterprise.quality": "Data quality", "enterprise.qualityWorst": "Worst points", "enterprise.filter": "Find an enterprise",
  "enterprise.alarms": "Alarms", "enterprise.allGood": "No alarms", "enterprise.address": "Address", "enterprise.contact": "Contact", "enterprise.region": "Park", "enterprise.industry": "Industry", "enterprise.backlog": "backlog {n}", "enterprise.tanks": "{n} items", "enterprise.material": "Main hazardous chemicals",
};
