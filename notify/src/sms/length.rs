//! Length of a short message (3GPP TS 23.040 and 23.038): 70 characters of UCS-2 alone, 67 in each part of several.
//!
//! Everything is counted as UCS-2, English too: alarms name tags and units that the 7-bit alphabet lacks, and a text whose
//! length depends on one `³` in it would be a riddle. A character outside the basic plane counts two and is never split
//! between two parts, because handsets show halves as rubbish when a part is missing.

use std::borrow::Cow;

/// UTF-16 units in a message of one part.
pub const UNITS_ALONE: usize = 70;
/// UTF-16 units in each part of several: three are taken by the header that joins them.
pub const UNITS_OF_SEVERAL: usize = 67;
/// Most parts that the one-octet counter of that header allows.
pub const PARTS_MAX: usize = 255;

/// The text, cut into the parts in which it is sent. An empty text is one empty part.
#[must_use]
pub fn parts(text: &str) -> Vec<&str> {
    if text.encode_utf16().count() <= UNITS_ALONE {
        return vec![text];
    }
    let mut parts = Vec::new();
    let (mut start, mut units) = (0, 0);
    for (at, c) in text.char_indices() {
        if units + c.len_utf16() > UNITS_OF_SEVERAL {
            parts.push(&text[start..at]);
            (start, units) = (at, 0);
        }
        units += c.len_utf16();
    }
    parts.push(&text[start..]);
    parts
}

/// The text if it takes at most `parts_max` parts, else its longest beginning that does with `…` after it.
#[must_use]
pub fn fit(text: &str, parts_max: usize) -> Cow<'_, str> {
    let parts_max = parts_max.clamp(1, PARTS_MAX);
    if parts(text).len() <= parts_max {
        return Cow::Borrowed(text);
    }
    let units_each = if parts_max == 1 { UNITS_ALONE } else { UNITS_OF_SEVERAL };
    let (mut end, mut part, mut units) = (0, 1, 0);
    for (at, c) in text.char_indices() {
        if units + c.len_utf16() > units_each {
            (part, units) = (part + 1, 0);
        }
        units += c.len_utf16();
        // In the last part room for the ellipsis is kept.
        if part > parts_max || (part == parts_max && units >= units_each) {
            break;
        }
        end = at + c.len_utf8();
    }
    Cow::Owned(format!("{}…", text[..end].trim_end()))
}

/// As [`fit`], where the text is sent with `around` other UTF-16 units before or behind it.
#[must_use]
pub fn fit_beside(around: usize, text: &str, parts_max: usize) -> String {
    let filler = "x".repeat(around);
    let whole = format!("{filler}{text}");
    // Where not even what is around fits, the ellipsis stands for all of the text.
    fit(&whole, parts_max).strip_prefix(&filler).unwrap_or("…").to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seventy_alone_and_sixty_seven_of_several() {
        for (characters, expected) in
            [(0, 1), (1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)]
        {
            assert_eq!(parts(&"超".repeat(characters)).len(), expected, "{characters}");
        }
        // Outside the basic plane: two units each, 35 alone, and 33 in a part because a half is no character.
        assert_eq!(parts(&"𠮷".repeat(35)).len(), 1);
        assert_eq!(
            parts(&"𠮷".repeat(36)).iter().map(|p| p.chars().count()).collect::<Vec<_>>(),
            [33, 3]
        );
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

    proptest! {
        #[test]
        fn parts_are_whole_and_fit(text in "[a-z超限𠮷 ]{0,600}", parts_max in 1_usize..6) {
            let all = parts(&text);
            prop_assert_eq!(all.concat(), text.clone());
            for part in &all {
                let most = if all.len() == 1 { UNITS_ALONE } else { UNITS_OF_SEVERAL };
                prop_assert!(part.encode_utf16().count() <= most);
            }
            let cut = fit(&text, parts_max);
            prop_assert!(parts(&cut).len() <= parts_max);
            if cut != text {
                prop_assert!(text.starts_with(cut.trim_end_matches('…')) && cut.ends_with('…'));
                prop_assert!(all.len() > parts_max);
            }
        }
    }
}
