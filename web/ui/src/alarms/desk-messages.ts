/** Words of the desk beyond the single alarm: what is quiet, what is done to many at once, whose turn it is. */
export const zh = {
  "quiet.line": "{tag} {condition}：{words}", "quiet.of": "搁置与停用的报警 {n}", "quiet.show": "在报警台看", "map.legendQuiet": "搁置/停用", "quiet.most": "{level} 级报警你最长可搁置 {n} 分钟", "quiet.notAllowed": "你的角色不能搁置这条报警",
} as const;

export const en: Record<keyof typeof zh, string> = {
  "quiet.line": "{tag} {condition}: {words}", "quiet.of": "Shelved or out of service: {n}", "quiet.show": "On the desk", "map.legendQuiet": "shelved", "quiet.most": "You may shelve an alarm of level {level} for {n} min at most", "quiet.notAllowed": "Your role may not shelve this alarm",
};
