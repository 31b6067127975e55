//! Substances of the park: what their vapour, heat and detectors need.
//!
//! One table, so that a tank's pressure, a leak's dispersion and a detector's limits speak of the same substance. Physical
//! constants are recalled engineering values, good to a few percent: enough for a simulator, not for design. Occupational
//! limits are those of the reference sheet (GBZ 2.1-2019, recalled there). No mixtures, no temperature dependence but
//! that of the vapour pressure.

/// A substance, or a solution treated as one.
#[derive(Debug, PartialEq)]
pub struct Medium {
    /// Key in the plant description.
    pub key: &'static str,
    /// Chinese name.
    pub name_zh: &'static str,
    /// English name.
    pub name_en: &'static str,
    /// CAS number; empty for goods without one.
    pub cas: &'static str,
    /// Molar mass, g/mol.
    pub molar_mass: f64,
    /// Liquid density, kg/m³; for a compressed gas a nominal figure.
    pub density: f64,
    /// Heat capacity of the liquid, kJ/(kg·K).
    pub heat_capacity: f64,
    /// Antoine constants for mmHg and °C (`log10 p = a − b / (c + t)`); `None` where the vapour does not matter.
    pub antoine: Option<(f64, f64, f64)>,
    /// Lower explosive limit, % vol.
    pub lel_percent: Option<f64>,
    /// Occupational exposure limit, mg/m³: MAC, else PC-STEL, else PC-TWA.
    pub oel: Option<f64>,
    /// Words of a detector for it, Chinese and English.
    pub detected_as: (&'static str, &'static str),
}

impl Medium {
    /// Looks a substance up by its key.
    #[must_use]
    pub fn find(key: &str) -> Option<&'static Self> {
        MEDIA.iter().find(|medium| medium.key == key)
    }

    /// Saturation pressure in MPa absolute at `celsius`; zero where the vapour does not matter.
    #[must_use]
    pub fn saturation_mpa(&self, celsius: f64) -> f64 {
        self.antoine.map_or(0.0, |(a, b, c)| {
            // Far outside the fit the formula has a pole; nothing here is colder than -100 °C.
            let t = celsius.clamp(-100.0, 260.0);
            10f64.powf(a - b / (c + t)) * 133.322e-6
        })
    }

    /// Percent of the lower explosive limit for a concentration in mg/m³ at 25 °C.
    #[must_use]
    pub fn lel_fraction_percent(&self, mg_per_m3: f64) -> f64 {
        self.lel_percent.map_or(0.0, |lel| {
            let percent_vol = mg_per_m3 / self.molar_mass * 24.45e-4;
            percent_vol / lel * 100.0
        })
    }
}

macro_rules! medium {
    ($key:literal, $zh:literal, $en:literal, $cas:literal, $m:literal, $rho:literal, $cp:literal, $antoine:expr, $lel:expr,
     $oel:expr, $as_zh:literal, $as_en:literal) => {
        Medium {
            key: $key,
            name_zh: $zh,
            name_en: $en,
            cas: $cas,
            molar_mass: $m,
            density: $rho,
            heat_capacity: $cp,
            antoine: $antoine,
            lel_percent: $lel,
            oel: $oel,
            detected_as: ($as_zh, $as_en),
        }
    };
}

#[rustfmt::skip]
static MEDIA: &[Medium] = &[
    medium!("ammonia", "液氨", "Liquid ammonia", "7664-41-7", 17.03, 610.0, 4.7, Some((7.36050, 926.132, 240.17)), Some(15.0), Some(30.0), "氨气浓度", "Ammonia"),
    medium!("aqua_ammonia", "氨水", "Aqua ammonia", "1336-21-6", 35.05, 910.0, 4.2, Some((7.36050, 1100.0, 240.17)), None, Some(30.0), "氨气浓度", "Ammonia"),
    medium!("chlorine", "液氯", "Liquid chlorine", "7782-50-5", 70.91, 1410.0, 0.95, Some((6.93790, 861.34, 246.33)), None, Some(1.0), "氯气浓度", "Chlorine"),
    medium!("hydrogen", "氢气", "Hydrogen", "1333-74-0", 2.016, 15.0, 14.3, None, Some(4.0), None, "氢气浓度", "Hydrogen"),
    medium!("ethylene_oxide", "环氧乙烷", "Ethylene oxide", "75-21-8", 44.05, 880.0, 2.0, Some((7.12843, 1054.54, 237.76)), Some(3.0), Some(2.0), "环氧乙烷浓度", "Ethylene oxide"),
    medium!("propane", "丙烷", "Propane", "74-98-6", 44.10, 500.0, 2.6, Some((6.80398, 803.81, 246.99)), Some(2.1), None, "可燃气浓度", "Combustible gas"),
    medium!("butane", "丁烷", "n-Butane", "106-97-8", 58.12, 580.0, 2.4, Some((6.80896, 935.86, 238.73)), Some(1.8), None, "可燃气浓度", "Combustible gas"),
    medium!("pentane", "正戊烷", "n-Pentane", "109-66-0", 72.15, 626.0, 2.3, Some((6.85221, 1064.63, 232.00)), Some(1.5), None, "可燃气浓度", "Combustible gas"),
    medium!("methanol", "甲醇", "Methanol", "67-56-1", 32.04, 792.0, 2.5, Some((8.08097, 1582.271, 239.726)), Some(6.0), Some(50.0), "甲醇浓度", "Methanol"),
    medium!("carbon_monoxide", "一氧化碳", "Carbon monoxide", "630-08-0", 28.01, 790.0, 2.0, None, Some(12.5), Some(30.0), "一氧化碳浓度", "Carbon monoxide"),
    medium!("benzene", "苯", "Benzene", "71-43-2", 78.11, 876.0, 1.74, Some((6.90565, 1211.033, 220.790)), Some(1.2), Some(6.0), "苯浓度", "Benzene"),
    medium!("toluene", "甲苯", "Toluene", "108-88-3", 92.14, 867.0, 1.70, Some((6.95464, 1344.80, 219.482)), Some(1.1), Some(100.0), "可燃气浓度", "Combustible gas"),
    medium!("xylene", "二甲苯", "Xylene", "1330-20-7", 106.17, 861.0, 1.72, Some((6.99052, 1453.43, 215.307)), Some(1.0), Some(100.0), "可燃气浓度", "Combustible gas"),
    medium!("hydrogen_peroxide", "过氧化氢（50%）", "Hydrogen peroxide 50 %", "7722-84-1", 34.01, 1195.0, 3.4, None, None, Some(1.5), "过氧化氢浓度", "Hydrogen peroxide"),
    medium!("caustic_soda", "液碱（32%）", "Caustic soda 32 %", "1310-73-2", 40.00, 1350.0, 3.6, None, None, Some(2.0), "碱雾浓度", "Caustic mist"),
    medium!("hydrochloric_acid", "盐酸（31%）", "Hydrochloric acid 31 %", "7647-01-0", 36.46, 1155.0, 2.6, None, None, Some(7.5), "氯化氢浓度", "Hydrogen chloride"),
    medium!("hydrogen_chloride", "氯化氢", "Hydrogen chloride", "7647-01-0", 36.46, 1190.0, 1.7, None, None, Some(7.5), "氯化氢浓度", "Hydrogen chloride"),
    medium!("hydrogen_sulfide", "硫化氢", "Hydrogen sulfide", "7783-06-4", 34.08, 790.0, 2.0, None, Some(4.0), Some(10.0), "硫化氢浓度", "Hydrogen sulfide"),
    medium!("oxygen", "氧气", "Oxygen", "7782-44-7", 32.00, 1140.0, 1.7, None, None, None, "氧含量", "Oxygen"),
    medium!("dangerous_goods", "危险化学品（综合）", "Mixed dangerous goods", "", 60.0, 900.0, 2.0, None, Some(1.5), None, "可燃气浓度", "Combustible gas"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The last digit of a CAS number checks the others (`exchange-and-codes.md` §1.2).
    fn cas_is_good(cas: &str) -> bool {
        let digits: Vec<u32> = cas.chars().filter_map(|c| c.to_digit(10)).collect();
        let Some((check, body)) = digits.split_last() else { return false };
        body.iter().rev().zip(1..).map(|(d, n)| d * n).sum::<u32>() % 10 == *check
    }

    #[test]
    fn every_cas_number_carries_its_check_digit() {
        for medium in MEDIA.iter().filter(|m| !m.cas.is_empty()) {
            assert!(cas_is_good(medium.cas), "{} {}", medium.key, medium.cas);
        }
    }

    #[test]
    fn vapour_pressures_at_twenty_degrees_are_those_of_the_handbooks() {
        for (key, mpa) in [
            ("ammonia", 0.857),
            ("chlorine", 0.673),
            ("propane", 0.836),
            ("ethylene_oxide", 0.146),
            ("methanol", 0.0129),
        ] {
            let medium = Medium::find(key).unwrap();
            let found = medium.saturation_mpa(20.0);
            assert!((found / mpa - 1.0).abs() < 0.03, "{key}: {found} MPa against {mpa}");
        }
    }

    #[test]
    fn vapour_pressure_only_rises_with_temperature() {
        for medium in MEDIA.iter().filter(|m| m.antoine.is_some()) {
            let at: Vec<f64> = (-40..200).map(|t| medium.saturation_mpa(f64::from(t))).collect();
            assert!(at.windows(2).all(|w| w[0] < w[1]), "{}", medium.key);
        }
    }
}
