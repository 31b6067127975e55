/** Words of the map. */
export const zh = {
  "map.label": "地图", "map.filters": "显示哪些对象", "map.all": "全部对象", "map.abnormal": "仅异常 {n}", "map.kind.sphere": "球罐", "map.kind.tank": "储罐", "map.kind.htank": "卧罐", "map.kind.unit": "装置", "map.kind.warehouse": "仓库",
  "map.kind.detector": "检测仪", "map.kind.camera": "视频", "map.kind.enterprise": "企业", "map.kind.gateway": "采集主机",
  "map.legendUnacked": "未确认", "map.legendLost": "数据中断", "map.legend": "图例", "map.zoomIn": "放大", "map.zoomOut": "缩小", "map.whole": "看全部", "map.lost": "断链 {duration}", "map.lostShort": "断链",
  "map.strip": "近一小时报警时刻", "map.stripLive": "实时", "map.stripStopped": "已停", "map.stripAt": "停在 {time}", "map.stripHint": "点时刻看那条报警", "map.hour": "1 小时", "map.moments": "{time}，{n} 条", "map.callout": "{what}，{value}",
  "map.region": "区域", "map.enterprises": "{n} 家企业", "map.notLoaded": "地图", "map.noMap": "这个区域还没有地图数据。企业和报警在右边的列表里。", "map.cut": "还有 {n} 个地图要素没有画出，选更小的区域可以看全", "map.noWebgl": "这台机器的浏览器画不了地图（WebGL 不可用）。报警列表照常工作。",
  "map.windLabel": "风", "map.downwind": "下风向 300 m", "map.wind.n": "北风", "map.wind.ne": "东北风", "map.wind.e": "东风", "map.wind.se": "东南风", "map.wind.s": "南风", "map.wind.sw": "西南风", "map.wind.w": "西风", "map.wind.nw": "西北风", "map.list": "报警列表", "map.open": "打开", "map.listClose": "收起列表", "map.summary": "地图上有 {enterprises} 家企业、{markers} 个对象，{alarms} 个异常",
} as const;

export const en: Record<keyof typeof zh, string> = {
  "map.label": "Map", "map.filters": "What to show", "map.all": "Everything", "map.abnormal": "Abnormal {n}", "map.kind.sphere": "Spheres", "map.kind.tank": "Tanks", "map.kind.htank": "Bullets", "map.kind.unit": "Units", "map.kind.warehouse": "Stores",
  "map.kind.detector": "Detectors", "map.kind.camera": "Video", "map.kind.enterprise": "Sites", "map.kind.gateway": "Gateways",
  "map.legendUnacked": "not acknowledged", "map.legendLost": "no data", "map.legend": "Legend", "map.zoomIn": "Zoom in", "map.zoomOut": "Zoom out", "map.whole": "Show all", "map.lost": "Lost for {duration}", "map.lostShort": "Lost",
  "map.strip": "Alarm moments of the last hour", "map.stripLive": "Live", "map.stripStopped": "Stopped", "map.stripAt": "at {time}", "map.stripHint": "Click a moment to open it", "map.hour": "1 hour", "map.moments": "{time}, {n} alarms", "map.callout": "{what}, {value}",
  "map.region": "Region", "map.enterprises": "{n} enterprises", "map.notLoaded": "the map", "map.noMap": "This region has no map data yet. Its enterprises and alarms are in the list.", "map.cut": "{n} map features are not drawn; choose a smaller region to see them", "map.noWebgl": "This browser cannot draw the map (no WebGL). The alarm list works as usual.",
  "map.windLabel": "Wind", "map.downwind": "downwind 300 m", "map.wind.n": "N wind", "map.wind.ne": "NE wind", "map.wind.e": "E wind", "map.wind.se": "SE wind", "map.wind.s": "S wind", "map.wind.sw": "SW wind", "map.wind.w": "W wind", "map.wind.nw": "NW wind", "map.list": "Alarm list", "map.open": "Open", "map.listClose": "Close the list", "map.summary": "The map shows {enterprises} enterprises and {markers} objects, {alarms} abnormal",
};
