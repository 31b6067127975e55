//! Names of a host's points, kept in one piece of text: half a million small strings would cost more than the sensors.

use anlan_domain::ids::{EnterpriseCode, PointId};
use anlan_domain::point::PointNo;
use serde::{Deserialize, Serialize};

/// Numbers and tags of points, by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Names {
    tags: Box<str>,
    points: Box<[(PointNo, u32)]>,
}

impl Names {
    /// Of points in the order of their slots.
    pub(super) fn new<'a>(points: impl Iterator<Item = (PointNo, &'a PointId)>) -> Self {
        let mut tags = String::new();
        let points = points
            .map(|(no, id)| {
                tags.push_str(id.tag());
                (no, u32::try_from(tags.len()).expect("a host's tags are far below 4 GB"))
            })
            .collect();
        Self { tags: tags.into(), points }
    }

    /// The tag of a slot.
    pub(super) fn tag(&self, slot: usize) -> &str {
        let start = slot.checked_sub(1).map_or(0, |before| self.points[before].1);
        &self.tags[start as usize..self.points[slot].1 as usize]
    }

    /// The number of a slot's point.
    pub(super) fn no(&self, slot: usize) -> PointNo {
        self.points[slot].0
    }

    /// The slot of a tag. Looks at every one: for commands and configuration only.
    pub(super) fn slot_of(&self, tag: &str) -> Option<usize> {
        (0..self.points.len()).find(|&slot| self.tag(slot) == tag)
    }

    /// Identity of a slot's point.
    pub(super) fn id(&self, slot: usize, enterprise: &EnterpriseCode) -> PointId {
        PointId::of(enterprise, self.tag(slot)).expect("the tag came from an identity")
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.tags.len() + size_of_val(&*self.points)
    }
}
