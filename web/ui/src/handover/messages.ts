/** Words of the hand-over at shift change. */
export const zh = {
  "handover.title": "交接班", "handover.give": "交班", "handover.giveNote": "对方接班以后，这些报警才归对方；在那之前都还是你的。", "handover.to": "交给", "handover.note": "交班说明", "handover.noteHint": "正在处理什么、要盯什么、谁在现场", "handover.mine": "要交的报警 {n}", "handover.noMine": "你没有接手中的报警，可以只写说明。",
  "handover.offer": "交班", "handover.noColleagues": "没有和你同样范围、能处理报警的人，不能交班。", "handover.chooseTo": "选一个人", "handover.accept": "接班", "handover.decline": "不接", "handover.withdraw": "收回", "handover.answer": "说一句（可不填）",
  "handover.incoming": "等你接班", "handover.history": "交接记录", "handover.none": "还没有交接记录", "handover.what": "交接记录", "handover.line": "{from} 交给 {to}", "handover.count": "{n} 条报警", "handover.print": "打印", "handover.open": "看清单",
  "handover.state.offered": "等对方接班", "handover.state.accepted": "{time} 已接班", "handover.state.declined": "{time} 未接", "handover.state.withdrawn": "{time} 已收回", "handover.list": "交班清单 #{no}", "handover.made": "{time} 提出", "handover.noAlarms": "没有报警，只有说明", "handover.colNo": "序", "handover.colWhat": "报警", "handover.colWhere": "位置", "handover.colSince": "发生", "handover.colState": "状态", "handover.colOwner": "现归",
  "handover.sign": "交班人签字：____________　　接班人签字：____________", "handover.waiting": "{from} 要交班给你，{n} 条报警", "handover.back": "返回", "handover.failed": "没有做成：{why}", "handover.printed": "{time} 打印",
} as const;

export const en: Record<keyof typeof zh, string> = {
  "handover.title": "Shift hand-over", "handover.give": "Hand over", "handover.giveNote": "These alarms are the other's once they accept; until then they stay yours.", "handover.to": "To", "handover.note": "What to tell", "handover.noteHint": "What is being done, what to watch, who is on site", "handover.mine": "Alarms to hand over: {n}", "handover.noMine": "You have taken over no alarm; words alone will do.",
  "handover.offer": "Hand over", "handover.noColleagues": "Nobody with your scope answers alarms, so there is nobody to hand over to.", "handover.chooseTo": "Choose a person", "handover.accept": "Accept", "handover.decline": "Decline", "handover.withdraw": "Take back", "handover.answer": "Say something (optional)",
  "handover.incoming": "Waiting for you", "handover.history": "Hand-overs", "handover.none": "No hand-over yet", "handover.what": "hand-overs", "handover.line": "{from} to {to}", "handover.count": "{n} alarms", "handover.print": "Print", "handover.open": "Show the list",
  "handover.state.offered": "waits for the other", "handover.state.accepted": "accepted {time}", "handover.state.declined": "declined {time}", "handover.state.withdrawn": "taken back {time}", "handover.list": "Hand-over #{no}", "handover.made": "offered {time}", "handover.noAlarms": "No alarms, words only", "handover.colNo": "No.", "handover.colWhat": "Alarm", "handover.colWhere": "Where", "handover.colSince": "Raised", "handover.colState": "State", "handover.colOwner": "Now with",
  "handover.sign": "Signed (going): ____________    Signed (coming): ____________", "handover.waiting": "{from} wants to hand over {n} alarms to you", "handover.back": "Back", "handover.failed": "Not done: {why}", "handover.printed": "printed {time}",
};
