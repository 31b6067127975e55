/** Words of trends. */
export const zh = {
  "trend.what": "趋势", "trend.span.10m": "10 分", "trend.span.1h": "1 小时", "trend.span.8h": "8 小时", "trend.span.7d": "7 天", "trend.span": "时间范围", "trend.bad": "坏值 {duration}", "trend.missing": "无数据 {duration}", "trend.empty": "这段时间没有读数", "trend.summary": "{name}，{count} 个读数，最低 {min}，最高 {max}，最新 {last} {unit}",
  "trend.table": "以表格显示", "trend.chart": "以图显示", "trend.time": "时间", "trend.value": "值", "trend.choose": "选一个点位看趋势",
} as const;

export const en: Record<keyof typeof zh, string> = {
  "trend.what": "the trend", "trend.span.10m": "10 min", "trend.span.1h": "1 hour", "trend.span.8h": "8 hours", "trend.span.7d": "7 days", "trend.span": "Time range", "trend.bad": "bad {duration}", "trend.missing": "no data {duration}", "trend.empty": "No readings in this time", "trend.summary": "{name}, {count} readings, lowest {min}, highest {max}, latest {last} {unit}",
  "trend.table": "Show as table", "trend.chart": "Show as chart", "trend.time": "Time", "trend.value": "Value", "trend.choose": "Choose a point to see its trend",
};
