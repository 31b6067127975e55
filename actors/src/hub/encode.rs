//! The JSON of the live stream, as `docs/protocols/live.md` describes it: bodies without the leading `{`, so that a client's
//! own id can be put in front.

use anlan_domain::time::UtcMillis;
use serde::Serialize;

use crate::api::{DeviceView, GatewayView, LostNode, PointValue, RollupView};

#[derive(Serialize)]
struct ValueOut<'a> {
    p: &'a str,
    v: Option<f64>,
    q: u16,
    s: UtcMillis,
    r: UtcMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<LostNode>,
}

impl<'a> From<&'a PointValue> for ValueOut<'a> {
    fn from(value: &'a PointValue) -> Self {
        Self {
            p: value.point.as_str(),
            v: value.value,
            q: value.quality.0,
            s: value.source,
            r: value.received,
            x: value.lost,
        }
    }
}

#[derive(Serialize)]
struct GatewayOut<'a> {
    id: &'a str,
    connected: bool,
    since: UtcMillis,
    last_reading: Option<UtcMillis>,
    backlog_frames: u64,
    skew_ms: Option<i64>,
    devices: &'a [DeviceView],
}

impl<'a> From<&'a GatewayView> for GatewayOut<'a> {
    fn from(view: &'a GatewayView) -> Self {
        Self {
            id: view.id.as_str(),
            connected: view.connected,
            since: view.since,
            last_reading: view.last_reading,
            backlog_frames: view.backlog_frames,
            skew_ms: view.skew_ms,
            devices: &view.devices,
        }
    }
}

/// The body of a message: without its leading brace.
fn body<T: Serialize>(message: &T) -> String {
    let mut text = serde_json::to_string(message).expect("these types are always JSON");
    text.remove(0);
    text
}

#[derive(Serialize)]
struct Snapshot<'a> {
    r#type: &'static str,
    at: UtcMillis,
    rollups: &'a [RollupView],
    gateways: Vec<GatewayOut<'a>>,
    values: Vec<ValueOut<'a>>,
}

pub(super) fn snapshot(
    at: UtcMillis,
    rollups: &[RollupView],
    gateways: &[GatewayView],
    values: &[PointValue],
) -> String {
    body(&Snapshot {
        r#type: "snapshot",
        at,
        rollups,
        gateways: gateways.iter().map(GatewayOut::from).collect(),
        values: values.iter().map(ValueOut::from).collect(),
    })
}

#[derive(Serialize)]
struct Values<'a> {
    r#type: &'static str,
    at: UtcMillis,
    values: Vec<ValueOut<'a>>,
}

pub(super) fn values(at: UtcMillis, values: &[&PointValue]) -> String {
    let values = values.iter().map(|value| ValueOut::from(*value)).collect();
    body(&Values { r#type: "values", at, values })
}

#[derive(Serialize)]
struct Rollups<'a> {
    r#type: &'static str,
    at: UtcMillis,
    rollups: &'a [RollupView],
}

pub(super) fn rollups(at: UtcMillis, rollups: &[RollupView]) -> String {
    body(&Rollups { r#type: "rollup", at, rollups })
}

#[derive(Serialize)]
struct Gateways<'a> {
    r#type: &'static str,
    at: UtcMillis,
    gateways: Vec<GatewayOut<'a>>,
}

pub(super) fn gateways(at: UtcMillis, gateways: &[GatewayView]) -> String {
    let gateways = gateways.iter().map(GatewayOut::from).collect();
    body(&Gateways { r#type: "gateway", at, gateways })
}

#[cfg(test)]
mod tests {
    use anlan_domain::ids::PointId;
    use anlan_domain::quality::Quality;

    use super::*;

    #[test]
    fn a_body_becomes_json_when_a_client_id_is_put_in_front() {
        let value = PointValue {
            point: PointId::new("410205001.LT-1").unwrap(),
            value: Some(85.5),
            quality: Quality::GOOD,
            source: UtcMillis(7),
            received: UtcMillis(8),
            lost: Some(LostNode::Gateway),
        };
        let text = format!("{{\"id\":\"q\",{}", values(UtcMillis(9), &[&value]));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({"id": "q", "type": "values", "at": 9, "values":
            [{"p": "410205001.LT-1", "v": 85.5, "q": 192, "s": 7, "r": 8, "x": "gateway"}]});
        assert_eq!(json, expected);
    }
}
