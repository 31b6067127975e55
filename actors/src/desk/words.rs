//! Words of messages, in the reader's language.

use anlan_domain::alarm::Condition;
use anlan_domain::local_date::LocalDate;
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::ladder::{Rung, Why};
use anlan_notify::message::Language;

/// What is wrong.
pub fn condition(condition: Condition, language: Language) -> &'static str {
    let (zh, en) = match condition {
        Condition::HighHigh => ("高高报", "high-high"),
        Condition::High => ("高报", "high"),
        Condition::Low => ("低报", "low"),
        Condition::LowLow => ("低低报", "low-low"),
        Condition::RateOfChange => ("变化率报警", "rate of change"),
        Condition::State => ("状态报警", "state alarm"),
        Condition::OutOfRange => ("超量程", "out of range"),
        Condition::BadQuality => ("坏值", "bad value"),
        Condition::Frozen => ("信号冻结", "frozen"),
        Condition::Missing => ("数据缺失", "missing"),
        Condition::DeviceLost => ("仪表设备断链", "device lost"),
        Condition::GatewayLost => ("采集主机断链", "gateway lost"),
        Condition::CenterLink => ("中心链路中断", "center link lost"),
        Condition::Fault => ("传感器故障", "sensor fault"),
        Condition::Deviation => ("偏差报警", "deviation"),
        Condition::Spike => ("尖峰", "spike"),
        Condition::Drift => ("漂移", "drift"),
        Condition::Counts => ("计次报警", "counts in a window"),
        Condition::Discrepancy => ("指令与反馈不一致", "command and feedback differ"),
        Condition::Expression => ("条件表达式报警", "written condition"),
    };
    pick(language, zh, en)
}

/// Step of the ladder.
pub fn rung(rung: Rung, language: Language) -> &'static str {
    let (zh, en) = match rung {
        Rung::Enterprise => ("企业", "enterprise"),
        Rung::Park => ("园区", "park"),
        Rung::County => ("区县", "county"),
        Rung::City => ("市级", "city"),
        Rung::Province => ("省级", "province"),
    };
    pick(language, zh, en)
}

/// What stands before a message's subject.
pub fn prefix(why: Option<Why>, drill: bool, language: Language) -> String {
    let why = match why {
        Some(Why::AtOnce) => "",
        Some(Why::Unanswered) => {
            pick(language, "【升级：逾期未响应】", "[Escalated: not answered] ")
        }
        Some(Why::NoFeedback) => {
            pick(language, "【升级：逾期未反馈】", "[Escalated: no feedback] ")
        }
        None => pick(language, "【催办】", "[Reminder] "),
    };
    let drill = if drill { pick(language, "【演练】", "[DRILL] ") } else { "" };
    format!("{drill}{why}")
}

/// What a drill is about.
pub fn drill(language: Language) -> &'static str {
    pick(language, "演练，无险情", "a drill, no danger")
}

/// Local time, to the second.
pub fn local_time(at: UtcMillis, utc_offset_min: i32) -> String {
    let local = at.plus(i64::from(utc_offset_min) * 60_000);
    let second = local.0.div_euclid(1_000).rem_euclid(86_400);
    let date = LocalDate::of(at, utc_offset_min);
    format!("{date} {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// How long, in two units at most.
pub fn duration(ms: i64, language: Language) -> String {
    let seconds = ms.max(0) / 1_000;
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let (h, m, s) = match language {
        Language::Zh => ("小时", "分", "秒"),
        Language::En => (" h ", " min ", " s"),
    };
    match (hours, minutes) {
        (0, 0) => format!("{rest}{s}"),
        (0, _) => format!("{minutes}{m}{rest}{s}"),
        _ => format!("{hours}{h}{minutes}{m}"),
    }
    .trim()
    .to_owned()
}

const fn pick(language: Language, zh: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_and_short() {
        assert_eq!(local_time(UtcMillis(0), 480), "1970-01-01 08:00:00");
        assert_eq!(local_time(UtcMillis(1_764_031_267_000), 480), "2025-11-25 08:41:07");
        assert_eq!(local_time(UtcMillis(-1), 0), "1969-12-31 23:59:59");
        for (ms, zh, en) in [
            (4_999, "4秒", "4 s"),
            (65_000, "1分5秒", "1 min 5 s"),
            (7_500_000, "2小时5分", "2 h 5 min"),
            (-5, "0秒", "0 s"),
        ] {
            assert_eq!(duration(ms, Language::Zh), zh);
            assert_eq!(duration(ms, Language::En), en);
        }
    }
}
