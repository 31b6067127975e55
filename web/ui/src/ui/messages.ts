/** Words of the parts that know nothing of the business: qualities, the four faces of a list, levels. */
export const zh = {
  "level.1": "一级", "level.2": "二级", "level.3": "三级", "level.4": "四级",
  "level.alarm.1": "一级报警", "level.alarm.2": "二级报警", "level.alarm.3": "三级报警", "level.alarm.4": "四级报警",
  "quality.good": "良好", "quality.uncertain": "不确定", "quality.stale": "过时", "quality.bad": "坏值",
  "value.none": "无", "value.noReading": "尚无读数", "value.late": "补传",
  "age.ago": "{age} 前", "age.title": "源时间 {time}",
  "face.loading": "正在读取", "face.stillLoading": "仍在读取", "face.cancel": "取消", "face.cancelled": "没有再等{what}", "face.retry": "重试",
  "face.failed": "{what}没有读到", "face.failedStill": "其余内容仍然有效。", "face.code": "代码 {code}",
  "face.stale": "停在 {time}，之后的变化看不到",
  "face.forbidden": "你的账号看不到这一页，由管理员在“用户与角色”里开通。",
  "error.network": "中心没有应答", "error.unexpected": "中心答复了看不懂的内容",
  "action.needsStream": "重连后可操作",
  "dialog.cancel": "取消", "dialog.close": "关闭",
  "list.more": "再显示 {n} 条",
} as const;

export const en: Record<keyof typeof zh, string> = {
  "level.1": "P1", "level.2": "P2", "level.3": "P3", "level.4": "P4",
  "level.alarm.1": "Priority 1 alarm", "level.alarm.2": "Priority 2 alarm", "level.alarm.3": "Priority 3 alarm", "level.alarm.4": "Priority 4 alarm",
  "quality.good": "good", "quality.uncertain": "uncertain", "quality.stale": "stale", "quality.bad": "bad",
  "value.none": "none", "value.noReading": "no reading yet", "value.late": "back-filled",
  "age.ago": "{age} ago", "age.title": "Source time {time}",
  "face.loading": "Loading", "face.stillLoading": "Still loading", "face.cancel": "Cancel", "face.cancelled": "Stopped waiting for {what}", "face.retry": "Try again",
  "face.failed": "Could not read {what}", "face.failedStill": "The rest of the page is valid.", "face.code": "code {code}",
  "face.stale": "Stopped at {time}; later changes are not shown",
  "face.forbidden": "Your account may not see this page. An administrator can allow it under users and roles.",
  "error.network": "The center does not answer", "error.unexpected": "The center's answer could not be read",
  "action.needsStream": "After reconnecting",
  "dialog.cancel": "Cancel", "dialog.close": "Close",
  "list.more": "Show {n} more",
};
