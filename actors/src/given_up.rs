//! Frames that could not be made durable, and what must therefore wait behind them.
//!
//! Hosts take the frames of a lane in ascending order and hold a lower number for a duplicate. So when frame 5 was given up,
//! frame 6, which was already on its way, must not become durable before 5 has come again. It is given up as well; the gateway
//! holds both until they are acknowledged and sends them again, in order, when it signs in next.

use std::collections::HashMap;

use anlan_domain::log::GatewayNo;
use anlan_domain::uplink::{Boot, Lane};

/// The lowest frame given up of each lane since its gateway signed in.
#[derive(Debug, Default)]
pub struct GivenUp(HashMap<GatewayNo, HashMap<(Boot, Lane), u64>>);

impl GivenUp {
    /// A frame was given up.
    pub fn give_up(&mut self, gateway: GatewayNo, boot: Boot, lane: Lane, seq: u64) {
        let lowest = self.0.entry(gateway).or_default().entry((boot, lane)).or_insert(seq);
        *lowest = seq.min(*lowest);
    }

    /// Whether a frame may become durable now.
    #[must_use]
    pub fn is_in_turn(&self, gateway: GatewayNo, boot: Boot, lane: Lane, seq: u64) -> bool {
        let lowest = self.0.get(&gateway).and_then(|lanes| lanes.get(&(boot, lane)));
        lowest.is_none_or(|&lowest| seq < lowest)
    }

    /// A gateway signed in anew: it sends all that it holds, in order.
    pub fn signed_in(&mut self, gateway: GatewayNo) {
        self.0.remove(&gateway);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const G: GatewayNo = GatewayNo(3);
    const B: Boot = Boot([7; 16]);

    #[test]
    fn what_was_given_up_holds_back_what_is_behind_it_in_its_lane_until_the_gateway_signs_in() {
        let mut given_up = GivenUp::default();
        given_up.give_up(G, B, Lane::Live, 6);
        given_up.give_up(G, B, Lane::Live, 5);
        given_up.give_up(G, B, Lane::Live, 9);
        assert!(given_up.is_in_turn(G, B, Lane::Live, 4));
        assert!(!given_up.is_in_turn(G, B, Lane::Live, 5));
        assert!(!given_up.is_in_turn(G, B, Lane::Live, 8));
        assert!(given_up.is_in_turn(G, B, Lane::Backfill, 8), "another lane");
        assert!(given_up.is_in_turn(GatewayNo(4), B, Lane::Live, 8), "another gateway");
        given_up.signed_in(G);
        assert!(given_up.is_in_turn(G, B, Lane::Live, 8));
    }
}
