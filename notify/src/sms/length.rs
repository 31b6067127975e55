//! Length of a short message (3GPP TS 23.040 and 23.038): 70 characters of UCS-2 alone, 67 in each part of several; 160 and
//! 153 of the 7-bit alphabet.
//!
//! Providers are counted with in UCS-2 throughout, English too: alarms name tags and units that the 7-bit alphabet lacks, and
//! a text whose length depends on one `³` in it would be a riddle. A character that takes two units, outside the basic plane
//! or in the 7-bit alphabet's extension, is never split between two parts, because handsets show halves as rubbish.

use std::borrow::Cow;

/// Most parts that the one-octet counter of the header that joins them allows.
pub const PARTS_MAX: usize = 255;

/// How long characters are in an alphabet, and how many a part holds.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Units of one character.
    pub units: fn(char) -> usize,
    /// Units in a message of one part.
    pub alone: usize,
    /// Units in each part of several: the rest is taken by the header that joins them.
    pub of_several: usize,
    /// What a text that was cut ends with.
    pub ellipsis: &'static str,
}

/// UCS-2, in UTF-16 units.
pub const UCS2: Measure =
    Measure { units: char::len_utf16, alone: 70, of_several: 67, ellipsis: "…" };

impl Measure {
    fn of(&self, text: &str) -> usize {
        text.chars().map(self.units).sum()
    }

    /// The text, cut into the parts in which it is sent. An empty text is one empty part.
    #[must_use]
    pub fn parts<'a>(&self, text: &'a str) -> Vec<&'a str> {
        if self.of(text) <= self.alone {
            return vec![text];
        }
        let mut parts = Vec::new();
        let (mut start, mut units) = (0, 0);
        for (at, c) in text.char_indices() {
            if units + (self.units)(c) > self.of_several {
                parts.push(&text[start..at]);
                (start, units) = (at, 0);
            }
            units += (self.units)(c);
        }
        parts.push(&text[start..]);
        parts
    }

    /// The text if it takes at most `parts_max` parts, else its longest beginning that does with the ellipsis after it.
    #[must_use]
    pub fn fit<'a>(&self, text: &'a str, parts_max: usize) -> Cow<'a, str> {
        let parts_max = parts_max.clamp(1, PARTS_MAX);
        if self.parts(text).len() <= parts_max {
            return Cow::Borrowed(text);
        }
        let units_each = if parts_max == 1 { self.alone } else { self.of_several };
        let room_in_last = units_each - self.of(self.ellipsis);
        let (mut end, mut part, mut units) = (0, 1, 0);
        for (at, c) in text.char_indices() {
            if units + (self.units)(c) > units_each {
                (part, units) = (part + 1, 0);
            }
            units += (self.units)(c);
            if part > parts_max || (part == parts_max && units > room_in_last) {
                break;
            }
            end = at + c.len_utf8();
        }
        Cow::Owned(format!("{}{}", text[..end].trim_end(), self.ellipsis))
    }
}

/// As [`Measure::fit`] in UCS-2, where the text is sent with `around` other UTF-16 units before or behind it.
#[must_use]
pub fn fit_beside(around: usize, text: &str, parts_max: usize) -> String {
    let filler = "x".repeat(around);
    let whole = format!("{filler}{text}");
    // Where not even what is around fits, the ellipsis stands for all of the text.
    UCS2.fit(&whole, parts_max).strip_prefix(&filler).unwrap_or("…").to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sms::modem::gsm7::GSM7;

    fn fit(text: &str, parts_max: usize) -> Cow<'_, str> {
        UCS2.fit(text, parts_max)
    }

    #[test]
    fn seventy_alone_and_sixty_seven_of_several() {
        for (characters, expected) in
            [(0, 1), (1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)]
        {
            assert_eq!(UCS2.parts(&"超".repeat(characters)).len(), expected, "{characters}");
        }
        // Outside the basic plane: two units each, 35 alone, and 33 in a part because a half is no character.
        assert_eq!(UCS2.parts(&"𠮷".repeat(35)).len(), 1);
        assert_eq!(
            UCS2.parts(&"𠮷".repeat(36)).iter().map(|p| p.chars().count()).collect::<Vec<_>>(),
            [33, 3]
        );
    }

    #[test]
    fn a_hundred_and_sixty_of_seven_bits_and_the_extension_counts_twice() {
        for (text, expected) in [
            ("a".repeat(160), vec![160]),
            ("a".repeat(161), vec![153, 8]),
            ("€".repeat(80), vec![80]),
            // 153 septets hold 76 pairs; the half that would remain is left free.
            ("€".repeat(81), vec![76, 5]),
            (format!("{}€{}", "a".repeat(152), "b".repeat(10)), vec![152, 11]),
        ] {
            let characters: Vec<_> = GSM7.parts(&text).iter().map(|p| p.chars().count()).collect();
            assert_eq!(characters, expected, "{text}");
        }
        assert_eq!(GSM7.fit(&"a".repeat(161), 1), format!("{}...", "a".repeat(157)));
        assert_eq!(GSM7.fit(&"€".repeat(81), 1), format!("{}...", "€".repeat(78)));
    }

    #[test]
    fn what_is_too_long_ends_with_an_ellipsis_and_is_as_long_as_can_be() {
        assert_eq!(fit(&"超".repeat(70), 1), "超".repeat(70));
        assert_eq!(fit(&"超".repeat(71), 1), format!("{}…", "超".repeat(69)));
        assert_eq!(fit(&"超".repeat(135), 2), format!("{}…", "超".repeat(133)));
        assert_eq!(fit(&"𠮷".repeat(40), 1), format!("{}…", "𠮷".repeat(34)));
    }

    #[test]
    fn what_stands_around_a_text_takes_its_room() {
        assert_eq!(fit_beside(4, &"超".repeat(66), 1), "超".repeat(66));
        assert_eq!(fit_beside(4, &"超".repeat(67), 1), format!("{}…", "超".repeat(65)));
        assert_eq!(fit_beside(70, "", 1), "");
        assert_eq!(fit_beside(100, "超", 1), "…");
    }

    fn check(measure: &Measure, text: &str, parts_max: usize) -> Result<(), TestCaseError> {
        let all = measure.parts(text);
        prop_assert_eq!(all.concat(), text);
        for part in &all {
            let most = if all.len() == 1 { measure.alone } else { measure.of_several };
            prop_assert!(measure.of(part) <= most);
        }
        let cut = measure.fit(text, parts_max);
        prop_assert!(measure.parts(&cut).len() <= parts_max);
        if cut != text {
            let kept = cut.strip_suffix(measure.ellipsis);
            prop_assert!(kept.is_some_and(|kept| text.starts_with(kept)));
            prop_assert!(all.len() > parts_max);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn parts_are_whole_and_fit(text in "[a-z超限𠮷 ]{0,600}", parts_max in 1_usize..6) {
            check(&UCS2, &text, parts_max)?;
        }

        #[test]
        fn parts_of_seven_bits_are_whole_and_fit(text in "[a-zÅ@€{} ]{0,900}", parts_max in 1_usize..6) {
            check(&GSM7, &text, parts_max)?;
        }
    }
}
