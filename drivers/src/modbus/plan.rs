//! Which requests to send: neighbouring points are joined into one request, within what the device allows.
//!
//! A plan is a list of blocks, and a block knows the points in it. When a device refuses a block, [`split`] halves it between
//! points; halving again and again isolates the one address that is illegal and leaves the others joined. A register that
//! belongs to no point (a gap bridged to save a request) can be the culprit too, and falls out by the same halving.

use std::fmt;

use super::decode::DataType;
use super::register::{Register, RegisterKind, RegisterRange};

/// A point as the planner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// First register.
    pub register: Register,
    /// Type, for its length.
    pub kind: DataType,
    /// Whatever the caller recognises the point by.
    pub key: usize,
}

impl Item {
    fn first(&self) -> u32 {
        u32::from(self.register.address)
    }

    fn end(&self) -> u32 {
        self.first() + if self.register.kind.is_bits() { 1 } else { u32::from(self.kind.words()) }
    }
}

/// What a device allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most registers (or bits, for coils and discrete inputs) in one request.
    pub max_registers: u16,
    /// Longest run of registers without a point that is read over rather than cut at.
    pub max_gap: u16,
    /// Addresses that must not be asked for, not even in a gap.
    pub forbidden: Vec<RegisterRange>,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which table.
    pub kind: RegisterKind,
    /// First address.
    pub first: u16,
    /// Number of registers or bits.
    pub count: u16,
    /// The points inside, by address.
    pub items: Vec<Item>,
}

/// As in a configuration: `holding:7`, `holding:7-9`.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.word(), self.first)?;
        match self.count {
            0 | 1 => Ok(()),
            count => write!(f, "-{}", u32::from(self.first) + u32::from(count) - 1),
        }
    }
}

/// Requests, and points that cannot be asked for at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The requests, by kind and address.
    pub blocks: Vec<Block>,
    /// Keys of points that lie in a forbidden range or past the end of the table, or are longer than the device allows.
    pub impossible: Vec<usize>,
}

/// Joins points into requests.
#[must_use]
pub fn plan(items: &[Item], limits: &Limits) -> Plan {
    let mut sorted = items.to_vec();
    sorted.sort_by_key(|i| (i.register, i.kind.words(), i.key));
    let mut plan = Plan::default();
    let mut open: Option<(RegisterKind, Vec<Item>, u32)> = None;
    for item in sorted {
        let kind = item.register.kind;
        let most = u32::from(kind.most_per_request().min(limits.max_registers.max(1)));
        let forbidden =
            |first, end| limits.forbidden.iter().any(|range| range.touches(kind, first, end));
        if item.end() > 65_536
            || item.end() - item.first() > most
            || forbidden(item.first(), item.end())
        {
            plan.impossible.push(item.key);
            continue;
        }
        match &mut open {
            Some((open_kind, members, end))
                if *open_kind == kind
                    && item.first() <= *end + u32::from(limits.max_gap)
                    && item.end().max(*end) - members[0].first() <= most
                    && !(item.first() > *end && forbidden(*end, item.first())) =>
            {
                *end = item.end().max(*end);
                members.push(item);
            }
            _ => {
                if let Some((kind, members, _)) = open.replace((kind, vec![item], item.end())) {
                    plan.blocks.push(block(kind, members));
                }
            }
        }
    }
    plan.blocks.extend(open.map(|(kind, members, _)| block(kind, members)));
    plan
}

/// Two blocks for one that was refused, cut where that leaves the most even halves; `None` when it holds a single address
/// span, so that nothing is left to separate.
#[must_use]
pub fn split(refused: &Block) -> Option<(Block, Block)> {
    let (first, last) = (refused.items.first()?, refused.items.last()?);
    // Points on the very same registers succeed or fail together: they are never cut apart.
    let same_span = |a: &Item, b: &Item| (a.first(), a.end()) == (b.first(), b.end());
    if same_span(first, last) {
        return None;
    }
    let cuts =
        (1..refused.items.len()).filter(|&i| !same_span(&refused.items[i - 1], &refused.items[i]));
    let middle = refused.items.len() / 2;
    let cut = cuts.min_by_key(|i| i.abs_diff(middle))?;
    let (low, high) = refused.items.split_at(cut);
    Some((block(refused.kind, low.to_vec()), block(refused.kind, high.to_vec())))
}

/// A request for one point of a plan.
pub(super) fn alone(item: Item) -> Block {
    block(item.register.kind, vec![item])
}

fn block(kind: RegisterKind, items: Vec<Item>) -> Block {
    let first = items[0].register.address;
    let end = items.iter().map(Item::end).max().expect("a block has a point");
    let count = u16::try_from(end - u32::from(first))
        .expect("bounded by the most that one request may ask for");
    Block { kind, first, count, items }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(text: &str, kind: DataType, key: usize) -> Item {
        Item { register: text.parse().unwrap(), kind, key }
    }

    fn limits(max_registers: u16, max_gap: u16, forbidden: &[&str]) -> Limits {
        Limits {
            max_registers,
            max_gap,
            forbidden: forbidden.iter().map(|r| r.parse().unwrap()).collect(),
        }
    }

    /// `blocks` as `kind:first+count`.
    fn check(
        registers: &[(&str, DataType)],
        limits: &Limits,
        blocks: &[&str],
        impossible: &[usize],
    ) {
        let items: Vec<_> = registers
            .iter()
            .enumerate()
            .map(|(key, &(text, kind))| item(text, kind, key))
            .collect();
        let plan = plan(&items, limits);
        let shown: Vec<_> = plan
            .blocks
            .iter()
            .map(|b| format!("{}:{}+{}", b.kind.word(), b.first, b.count))
            .collect();
        assert_eq!(
            (shown.as_slice(), plan.impossible.as_slice()),
            (blocks.map_strings().as_slice(), impossible)
        );
    }

    trait MapStrings {
        fn map_strings(&self) -> Vec<String>;
    }
    impl MapStrings for [&str] {
        fn map_strings(&self) -> Vec<String> {
            self.iter().map(|&s| s.to_owned()).collect()
        }
    }

    #[test]
    fn neighbours_are_joined_within_what_the_device_allows() {
        use DataType::{Bool, F32, F64, U16};
        let all = limits(125, 8, &[]);
        check(
            &[("holding:0", F32), ("holding:2", F32), ("holding:4", U16)],
            &all,
            &["holding:0+5"],
            &[],
        );
        // Order of the configuration does not matter; tables are never mixed.
        check(
            &[("input:4", U16), ("holding:2", F32), ("holding:0", F32)],
            &all,
            &["holding:0+4", "input:4+1"],
            &[],
        );
        // A gap of 8 is read over, one of 9 is cut at.
        check(&[("holding:0", U16), ("holding:9", U16)], &all, &["holding:0+10"], &[]);
        check(
            &[("holding:0", U16), ("holding:10", U16)],
            &all,
            &["holding:0+1", "holding:10+1"],
            &[],
        );
        // A device that allows short reads only; a value is never cut in two.
        check(
            &[("holding:0", F32), ("holding:2", F32), ("holding:4", F32)],
            &limits(4, 8, &[]),
            &["holding:0+4", "holding:4+2"],
            &[],
        );
        check(
            &[("holding:0", F32), ("holding:2", F32)],
            &limits(3, 8, &[]),
            &["holding:0+2", "holding:2+2"],
            &[],
        );
        check(
            &[("holding:0", F64), ("holding:4", U16)],
            &limits(2, 8, &[]),
            &["holding:4+1"],
            &[0],
        );
        // Forbidden addresses are neither asked for nor read over.
        check(
            &[("holding:0", U16), ("holding:4", U16), ("holding:2", U16)],
            &limits(125, 8, &["holding:2-3"]),
            &["holding:0+1", "holding:4+1"],
            &[2],
        );
        // Bits count one each, whatever their type; two readers of one register share it.
        check(&[("coil:0", Bool), ("coil:15", Bool)], &limits(125, 16, &[]), &["coil:0+16"], &[]);
        check(
            &[("holding:7", U16), ("holding:7", F32), ("holding:8", U16)],
            &all,
            &["holding:7+2"],
            &[],
        );
        // The end of the table.
        check(&[("holding:65535", U16), ("holding:65535", F32)], &all, &["holding:65535+1"], &[1]);
    }

    #[test]
    fn halving_isolates_one_address_and_keeps_shared_registers_together() {
        let items: Vec<_> =
            (0..8).map(|i| item(&format!("holding:{i}"), DataType::U16, i)).collect();
        let whole = plan(&items, &limits(125, 0, &[])).blocks.remove(0);
        let mut open = vec![whole];
        let mut asked = 0;
        let mut failed = Vec::new();
        while let Some(b) = open.pop() {
            asked += 1;
            if (u32::from(b.first)..u32::from(b.first) + u32::from(b.count)).contains(&5) {
                match split(&b) {
                    Some((low, high)) => open.extend([low, high]),
                    None => failed.extend(b.items.iter().map(|i| i.key)),
                }
            }
        }
        assert_eq!(failed, [5]);
        assert_eq!(asked, 7);
        let shared = [item("holding:7", DataType::U16, 0), item("holding:7", DataType::I16, 1)];
        assert_eq!(split(&plan(&shared, &limits(125, 0, &[])).blocks[0]), None);
    }

    proptest! {
        #[test]
        fn every_point_is_in_exactly_one_request_that_the_device_allows(
            addresses in proptest::collection::vec((0u16..400, 0usize..4), 0..80),
            max in 1u16..130, gap in 0u16..40, forbidden in (0u16..400, 0u16..30),
        ) {
            let kinds = [DataType::U16, DataType::F32, DataType::F64, DataType::Bool];
            let items: Vec<_> = addresses.iter().enumerate().map(|(key, &(address, kind))| Item {
                register: Register { kind: if kind == 3 { RegisterKind::Coil } else { RegisterKind::Holding }, address },
                kind: kinds[kind], key,
            }).collect();
            let range = RegisterRange { kind: RegisterKind::Holding, first: forbidden.0, last: forbidden.0 + forbidden.1 };
            let limits = Limits { max_registers: max, max_gap: gap, forbidden: vec![range] };
            let plan = plan(&items, &limits);
            let mut seen: Vec<usize> = plan.impossible.clone();
            for b in &plan.blocks {
                prop_assert!(b.count <= max);
                prop_assert!(!range.touches(b.kind, u32::from(b.first), u32::from(b.first) + u32::from(b.count)));
                for i in &b.items {
                    prop_assert!(i.first() >= u32::from(b.first));
                    prop_assert!(i.end() <= u32::from(b.first) + u32::from(b.count));
                    seen.push(i.key);
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..items.len()).collect::<Vec<_>>());
        }
    }
}
