/** Words of the desk beyond the single alarm: what is quiet, what is done to many at once, whose turn it is. */
export const zh = {
  "quiet.line": "{tag} {condition}：{words}", "quiet.of": "搁置与停用的报警 {n}", "quiet.show": "在报警台看", "map.legendQuiet": "搁置/停用", "quiet.most": "{level} 级报警你最长可搁置 {n} 分钟", "quiet.notAllowed": "你的角色不能搁置这条报警",
  "desk.new": "新报警", "desk.mine": "我的", "desk.overdue": "超时", "desk.noneNew": "没有新报警", "desk.noneMine": "你没有接手中的报警", "desk.noneOverdue": "没有超时未确认的报警",
  "export.button": "导出", "export.view": "这个视图 {name}", "export.month": "近 30 天 {name}", "export.figures": "导出 {name}",
  "batch.begin": "多选", "batch.label": "对多条报警", "batch.chosen": "已选 {n} 条", "batch.all": "全选 {n} 条", "batch.none": "全不选", "batch.choose": "选中 {what}", "batch.done": "已完成 {n} 条", "batch.partly": "已完成 {done} 条，{n} 条没有做成：{why}", "batch.and": "；",
  "batch.refused.already": "已经确认过", "batch.refused.over": "已经结束", "batch.refused.quiet": "搁置或停用中", "batch.refused.gone": "找不到", "batch.commentTitle": "备注 {n} 条报警", "batch.disposeTitle": "处置 {n} 条报警", "alarms.key.choose": "多选，⇧X 全选",
  "sound.spokenOn": "打开一级报警语音播报", "sound.spokenOff": "关闭一级报警语音播报", "sound.noVoice": "这台机器没有中文语音，不播报",
} as const;

export const en: Record<keyof typeof zh, string> = {
  "quiet.line": "{tag} {condition}: {words}", "quiet.of": "Shelved or out of service: {n}", "quiet.show": "On the desk", "map.legendQuiet": "shelved", "quiet.most": "You may shelve an alarm of level {level} for {n} min at most", "quiet.notAllowed": "Your role may not shelve this alarm",
  "desk.new": "New", "desk.mine": "Mine", "desk.overdue": "Overdue", "desk.noneNew": "Nothing new", "desk.noneMine": "You have taken over no alarm", "desk.noneOverdue": "No alarm is overdue",
  "export.button": "Export", "export.view": "This view, {name}", "export.month": "Last 30 days, {name}", "export.figures": "Export {name}",
  "batch.begin": "Select", "batch.label": "To many alarms", "batch.chosen": "{n} selected", "batch.all": "Select all {n}", "batch.none": "Select none", "batch.choose": "Select {what}", "batch.done": "{n} done", "batch.partly": "{done} done, {n} not: {why}", "batch.and": "; ",
  "batch.refused.already": "acknowledged already", "batch.refused.over": "over", "batch.refused.quiet": "shelved or out of service", "batch.refused.gone": "not found", "batch.commentTitle": "Comment on {n} alarms", "batch.disposeTitle": "Disposition of {n} alarms", "alarms.key.choose": "Select, ⇧X all",
  "sound.spokenOn": "Say priority 1 alarms in words", "sound.spokenOff": "Do not say alarms in words", "sound.noVoice": "This machine has no English voice: alarms are not spoken",
};
