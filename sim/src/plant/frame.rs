//! The park's own metric frame and its place on the earth.
//!
//! Streets of the park are not quite east–west, so the plant is described in metres along its own streets and turned and
//! moved once, here. WGS84 out (CGCS2000 differs by less than a decimetre, `exchange-and-codes.md` §12). Over two
//! kilometres a plane is exact to millimetres, so no projection library.

/// A place in the park's frame: metres east along 纬一路 and metres south of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Local {
    /// East along the street, metres.
    pub x: f64,
    /// South of the street, metres.
    pub y: f64,
}

/// Longitude and latitude, WGS84 degrees.
pub type LonLat = (f64, f64);

/// Where the frame lies and how it is turned.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Longitude of the origin.
    pub longitude: f64,
    /// Latitude of the origin.
    pub latitude: f64,
    /// Degrees by which the frame's x axis points north of true east.
    pub turn_degrees: f64,
}

impl Frame {
    /// Metres east and north of the origin, by true directions.
    #[must_use]
    pub fn east_north(&self, at: Local) -> (f64, f64) {
        let (sin, cos) = self.turn_degrees.to_radians().sin_cos();
        let up = -at.y;
        (at.x * cos - up * sin, at.x * sin + up * cos)
    }

    /// The place on the earth.
    #[must_use]
    pub fn lon_lat(&self, at: Local) -> LonLat {
        let (east, north) = self.east_north(at);
        let metres_per_degree = 111_132.0;
        let latitude = self.latitude + north / metres_per_degree;
        let longitude = self.longitude + east / (111_320.0 * self.latitude.to_radians().cos());
        (round7(longitude), round7(latitude))
    }
}

/// Seven decimals are a centimetre: more would be noise in the files.
fn round7(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_survive_the_way_to_degrees() {
        let frame = Frame { longitude: 114.362, latitude: 34.759, turn_degrees: 5.5 };
        let (a, b) = (Local { x: 10.0, y: 20.0 }, Local { x: 1310.0, y: 720.0 });
        let ((lon_a, lat_a), (lon_b, lat_b)) = (frame.lon_lat(a), frame.lon_lat(b));
        let east = (lon_b - lon_a) * 111_320.0 * 34.759_f64.to_radians().cos();
        let north = (lat_b - lat_a) * 111_132.0;
        let true_distance = (b.x - a.x).hypot(b.y - a.y);
        assert!((east.hypot(north) - true_distance).abs() < 0.1);
        assert!(lat_b < lat_a, "south of the street is south on the map");
    }
}
