//! The part of the configuration that says who may keep an alarm quiet and for how long. What is not written stays as proposed.

use anlan_domain::quiet_rights::{ANSWERING, QuietRights, QuietRule};
use serde::Deserialize;
use toml::Spanned;

use super::Problems;

/// `[quiet_rights]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawQuietRights {
    gas: RawTable,
    other: RawTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTable {
    level_1: RawRule,
    level_2: RawRule,
    level_3: RawRule,
    level_4: RawRule,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRule {
    enterprise_responder: Option<Spanned<i64>>,
    enterprise_manager: Option<Spanned<i64>>,
    officer: Option<Spanned<i64>>,
    administrator: Option<Spanned<i64>>,
    out_of_service: Option<Vec<Spanned<String>>>,
}

/// Longest shelf that can be configured: as for `limits.shelve_max_minutes`.
const MINUTES_MAX: i64 = 31 * 24 * 60;
const ROLE_NAMES: [&str; 4] =
    ["enterprise_responder", "enterprise_manager", "officer", "administrator"];

impl RawQuietRights {
    pub(super) fn checked(&self, problems: &mut Problems<'_>) -> QuietRights {
        let mut rights = QuietRights::default();
        for (name, raw, table) in
            [("gas", &self.gas, &mut rights.gas), ("other", &self.other, &mut rights.other)]
        {
            let levels = [&raw.level_1, &raw.level_2, &raw.level_3, &raw.level_4];
            for (level, (raw, rule)) in (1..).zip(levels.into_iter().zip(table)) {
                raw.apply(&format!("quiet_rights.{name}.level_{level}"), rule, problems);
            }
        }
        rights
    }
}

impl RawRule {
    fn apply(&self, key: &str, rule: &mut QuietRule, problems: &mut Problems<'_>) {
        let minutes = [
            &self.enterprise_responder,
            &self.enterprise_manager,
            &self.officer,
            &self.administrator,
        ];
        for (column, given) in minutes.into_iter().enumerate() {
            if let Some(given) = given {
                let key = format!("{key}.{}", ROLE_NAMES[column]);
                let checked = problems.number(&key, given, 0, MINUTES_MAX);
                rule.shelve_minutes[column] = u32::try_from(checked).expect("at most a month");
            }
        }
        let Some(given) = &self.out_of_service else { return };
        rule.out_of_service = [false; ANSWERING.len()];
        for role in given {
            match ROLE_NAMES.iter().position(|name| name == role.get_ref()) {
                Some(column) => rule.out_of_service[column] = true,
                None => problems.add(
                    role.span().start,
                    &format!(
                        "{key}.out_of_service: {:?} is none of {}",
                        role.get_ref(),
                        ROLE_NAMES.join(", ")
                    ),
                ),
            }
        }
    }
}
