/** Words of the tester's page. */
export const zh = {
  "tester.title": "仿真测试", "tester.scenarios": "场景", "tester.start": "启动", "tester.stop": "停止", "tester.running": "进行中 {s} s / {all} s", "tester.runningOpen": "进行中 {s} s，直到启动其他场景", "tester.what": "场景",
  "tester.none": "这个中心没有接仿真园区。在中心配置里写上 simulator 后可用。", "tester.expected": "应出现", "tester.seen": "已出现", "tester.verdict": "结论", "tester.latency": "用时",
  "tester.runs": "预期与实际", "tester.noRuns": "还没有启动过场景。启动一个，这里逐条对照中心应报的与已报的。", "tester.run": "第 {n} 次 {name}，{time} 开始",
  "tester.waiting": "等待", "tester.met": "符合", "tester.late": "晚了", "tester.missed": "没出现", "tester.wrong": "不该出现", "tester.absent": "未出现，符合",
  "tester.raised": "已报，待恢复", "tester.early": "提前解除", "tester.stuck": "未解除", "tester.void": "未触发", "tester.void.never_crossed": "仿真值从未越过限值，不要求报警", "tester.void.stopped": "场景在越限之前就停止了，不要求报警", "tester.void.too_brief": "越限时间短于报警延时，不要求报警", "tester.wrong.never_crossed": "仿真值从未越过限值，这条报警没有来由", "tester.times": "{n} 次", "tester.clearedAfter": "恢复 {s}", "tester.sections": "本页内容",
  "tester.cleared": "{time} 解除", "tester.standing": "仍在报警",
  "tester.faults": "故障注入", "tester.server": "现场服务器", "tester.fault": "故障", "tester.noFault": "无", "tester.mendAll": "全部恢复", "tester.pointFault": "仪表故障", "tester.point": "点位", "tester.inject": "注入", "tester.mend": "恢复",
  "fault.refuse": "拒绝连接", "fault.silent": "不应答", "fault.slow": "慢 3 s", "fault.garbage": "乱码", "fault.freeze": "数值冻结", "fault.frozen": "信号冻结", "fault.flapping": "抖动", "fault.stuck": "卡死",
  "tester.gateways": "采集主机", "tester.faultWhat": "故障",
} as const;

export const en: Record<keyof typeof zh, string> = {
  "tester.title": "Simulator", "tester.scenarios": "Scenarios", "tester.start": "Start", "tester.stop": "Stop", "tester.running": "running {s} s of {all} s", "tester.runningOpen": "running {s} s, until another one starts", "tester.what": "scenarios",
  "tester.none": "This center is not connected to a simulated park. Set simulator in its configuration.", "tester.expected": "Expected", "tester.seen": "Seen", "tester.verdict": "Verdict", "tester.latency": "Took",
  "tester.runs": "Expected and seen", "tester.noRuns": "No scenario has been started. Start one; what the center must show is compared here with what it showed.", "tester.run": "Run {n}, {name}, started {time}",
  "tester.waiting": "waiting", "tester.met": "met", "tester.late": "late", "tester.missed": "missed", "tester.wrong": "must not be", "tester.absent": "absent, as it must",
  "tester.raised": "raised, to clear", "tester.early": "cleared too early", "tester.stuck": "not cleared", "tester.void": "not triggered", "tester.void.never_crossed": "The simulated value never passed the limit: no alarm is demanded", "tester.void.stopped": "The run was stopped before it could come: no alarm is demanded", "tester.void.too_brief": "The condition did not last for its delay: no alarm is demanded", "tester.wrong.never_crossed": "The simulated value never passed the limit: nothing caused this alarm", "tester.times": "{n} times", "tester.clearedAfter": "cleared {s}", "tester.sections": "On this page",
  "tester.cleared": "cleared {time}", "tester.standing": "still stands",
  "tester.faults": "Faults", "tester.server": "Field server", "tester.fault": "Fault", "tester.noFault": "none", "tester.mendAll": "Mend all", "tester.pointFault": "Instrument fault", "tester.point": "Point", "tester.inject": "Inject", "tester.mend": "Mend",
  "fault.refuse": "Refuses connections", "fault.silent": "Silent", "fault.slow": "Slow by 3 s", "fault.garbage": "Garbage", "fault.freeze": "Values frozen", "fault.frozen": "Frozen", "fault.flapping": "Flapping", "fault.stuck": "Stuck",
  "tester.gateways": "Gateways", "tester.faultWhat": "faults",
};
