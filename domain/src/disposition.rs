//! 处置: causes and measures to choose from when an alarm is disposed of.
//!
//! A proposal: no standard was found that lists them. The codes are what is stored; an installation may correct the words.

/// One choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is stored.
    pub code: &'static str,
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
}

const fn choice(code: &'static str, zh: &'static str, en: &'static str) -> Choice {
    Choice { code, zh, en }
}

/// What an alarm was.
pub const CAUSES: &[Choice] = &[
    choice("process", "工艺波动", "Process upset"),
    choice("operation", "操作不当", "Operating error"),
    choice("leak", "泄漏", "Leak"),
    choice("equipment", "设备故障", "Equipment failure"),
    choice("instrument", "仪表故障", "Instrument failure"),
    choice("communication", "通信中断", "Communication lost"),
    choice("maintenance", "检修作业", "Maintenance work"),
    choice("power", "停电", "Power failure"),
    choice("limit", "限值设置不当", "Badly set limit"),
    choice("outside", "外部原因", "Cause outside the enterprise"),
    choice("unknown", "原因未查明", "Not found"),
];

/// What was done.
pub const MEASURES: &[Choice] = &[
    choice("observed", "现场检查, 持续观察", "Checked on site, kept under watch"),
    choice("adjusted", "工艺调整", "Process adjusted"),
    choice("isolated", "切断隔离", "Isolated"),
    choice("stopped", "停车", "Shut down"),
    choice("repaired", "维修更换", "Repaired or replaced"),
    choice("evacuated", "疏散撤离", "Evacuated"),
    choice("limit_changed", "申请修改限值", "Change of limit requested"),
    choice("none", "无需处置", "Nothing needed"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_stands_twice() {
        for list in [CAUSES, MEASURES] {
            let codes: std::collections::BTreeSet<_> = list.iter().map(|c| c.code).collect();
            assert_eq!(codes.len(), list.len());
        }
    }
}
