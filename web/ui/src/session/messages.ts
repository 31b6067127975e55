/** Words of signing in. Errors follow design-language §13, row 12: the fact, then what comes next. */
export const zh = {
  "session.title": "登录", "session.username": "账号", "session.password": "密码", "session.submit": "登录", "session.show": "显示密码", "session.hide": "隐藏密码",
  "session.slogan1": "看得见每一处风险，", "session.slogan2": "答得了每一条报警", "session.what": "危险化学品企业安全风险智能监测",
  "session.wrong": "账号或密码不对", "session.wrongLeft": "密码不对。再错 {n} 次，账号锁定 {minutes} 分钟", "session.locked": "账号已锁定，{minutes} 分钟后再试",
  "session.lockedPlain": "账号已锁定，稍后再试", "session.needUser": "填写账号", "session.needPassword": "填写密码", "session.network": "中心没有应答，稍后再试",
  "session.ended": "登录已过期，再登录一次", "session.platformOk": "平台正常", "session.platformDown": "平台没有应答", "session.platformStarting": "平台正在启动",
  "session.language": "语言", "session.gateways": "企业主机在线 {connected} / {total}", "session.version": "版本 {version}",
  "role.officer": "监管值班", "role.officer.province": "省级值班", "role.officer.city": "市级值班", "role.officer.county": "区县值班", "role.officer.park": "园区值班",
  "role.enterprise_manager": "企业负责人", "role.enterprise_responder": "企业值守", "role.administrator": "管理员", "role.tester": "测试员",
} as const;

export const en: Record<keyof typeof zh, string> = {
  "session.title": "Sign in", "session.username": "Account", "session.password": "Password", "session.submit": "Sign in", "session.show": "Show password", "session.hide": "Hide password",
  "session.slogan1": "See every risk,", "session.slogan2": "answer every alarm", "session.what": "Real-time supervision of hazardous-chemical enterprises",
  "session.wrong": "Wrong account or password", "session.wrongLeft": "Wrong password. After {n} more tries the account locks for {minutes} min", "session.locked": "The account is locked. Try again in {minutes} min",
  "session.lockedPlain": "The account is locked. Try again later", "session.needUser": "Enter the account", "session.needPassword": "Enter the password", "session.network": "The center does not answer. Try again later",
  "session.ended": "The session has ended. Sign in again", "session.platformOk": "Platform running", "session.platformDown": "Platform does not answer", "session.platformStarting": "Platform is starting",
  "session.language": "Language", "session.gateways": "Gateways online {connected} / {total}", "session.version": "Version {version}",
  "role.officer": "Officer", "role.officer.province": "Province officer", "role.officer.city": "City officer", "role.officer.county": "County officer", "role.officer.park": "Park officer",
  "role.enterprise_manager": "Enterprise manager", "role.enterprise_responder": "Responder", "role.administrator": "Administrator", "role.tester": "Tester",
};
