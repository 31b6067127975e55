//! The model that says how likely the next number of a column is: the heart of the codec.
//!
//! A process value is a slowly moving truth plus noise, read on a grid. A recursive least-squares predictor over a few
//! last steps and a ladder of moving averages learns the movement (for a random walk under white noise this comes
//! to the Kalman filter); around its prediction a mixture of bell curves of different width and weight of tail learns
//! the noise. One expert of the mixture says "the same again", which makes a stuck or slowly sampled value nearly free;
//! two more, for columns of few distinct values, count what was seen.
//!
//! Encoder and decoder run the same model on the same numbers, so the arithmetic must be the same on every machine and
//! in every year: only `+ − × ÷ √` and floor of IEEE doubles are used, in the order written here. Nothing of the platform's
//! mathematics library, no fused multiply-add. Changing any line of this file changes the format.

// Small fixed arrays walked in step: an index says more than four zipped iterators.
#![allow(clippy::needless_range_loop)]

use std::sync::OnceLock;

/// Inputs of the linear predictor.
const INPUTS: usize = 6;
/// Experts that are bell curves or steps on the line of values.
const CURVES: usize = 5;
/// All experts: the curves, then two that count symbols.
pub const EXPERTS: usize = CURVES + 2;

const LADDER: [f64; 4] = [0.25, 0.0625, 0.015_625, 0.003_906_25];
const FORGET: f64 = 1.0 / 0.9995;
const START_SPREAD: f64 = 1.0;
const SHARE: f64 = 1.0 / 512.0;

/// Cumulative normal distribution at steps of 1/64 from −8 to 8, by Simpson's rule over e^(−z²/2).
fn normal_table() -> &'static [f64] {
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    TABLE.get_or_init(|| {
        // e^(−y): Taylor at y/1024, then squared ten times.
        let exp_neg = |y: f64| {
            let x = -y / 1024.0;
            let mut term = 1.0;
            let mut sum = 1.0;
            for i in 1..9 {
                term = term * x / f64::from(i);
                sum += term;
            }
            for _ in 0..10 {
                sum *= sum;
            }
            sum
        };
        let bell = |z: f64| exp_neg(z * z / 2.0);
        let mut table = vec![0.0];
        let mut total = 0.0;
        for i in 0..1024 {
            let a = -8.0 + f64::from(i) / 64.0;
            total += bell(a) + 4.0 * bell(a + 1.0 / 128.0) + bell(a + 1.0 / 64.0);
            table.push(total);
        }
        for entry in &mut table {
            *entry /= total;
        }
        table
    })
}

#[inline]
fn normal(table: &[f64], z: f64) -> f64 {
    if z <= -8.0 {
        return 0.0;
    }
    if z >= 8.0 {
        return 1.0;
    }
    let at = (z + 8.0) * 64.0;
    // `at` lies in 0.0..1024.0: the cast is a floor.
    let i = at as usize;
    let a = table[i];
    a + (table[i + 1] - a) * (at - i as f64)
}

/// Student's t with two degrees of freedom: heavy tails from a square root alone.
#[inline]
fn heavy(z: f64) -> f64 {
    let z = z.clamp(-1e8, 1e8);
    0.5 + 0.5 * (z / (1.0 + z * z).sqrt())
}

/// Linear prediction by recursive least squares with slow forgetting.
#[derive(Debug)]
struct Predictor {
    weights: [f64; INPUTS],
    inputs: [f64; INPUTS],
    covariance: [[f64; INPUTS]; INPUTS],
    output: f64,
}

impl Predictor {
    fn new() -> Self {
        let mut this = Self {
            weights: [0.0; INPUTS],
            inputs: [0.0; INPUTS],
            covariance: [[0.0; INPUTS]; INPUTS],
            output: 0.0,
        };
        this.reset();
        this
    }

    fn reset(&mut self) {
        self.weights = [0.0; INPUTS];
        // Until it has learnt, lean on the second rung of the ladder.
        self.weights[3] = 0.5;
        self.covariance = [[0.0; INPUTS]; INPUTS];
        for i in 0..INPUTS {
            self.covariance[i][i] = START_SPREAD;
        }
    }

    fn predict(&mut self) -> f64 {
        let mut sum = 0.0;
        for i in 0..INPUTS {
            sum += self.weights[i] * self.inputs[i];
        }
        self.output = sum;
        sum
    }

    fn learn(&mut self, truth: f64) {
        let mut gain = [0.0; INPUTS];
        let mut denominator = 1.0;
        for i in 0..INPUTS {
            let mut sum = 0.0;
            for j in 0..INPUTS {
                sum += self.covariance[i][j] * self.inputs[j];
            }
            gain[i] = sum;
            denominator += sum * self.inputs[i];
        }
        let error = truth - self.output;
        let inverse = 1.0 / denominator;
        // No forgetting while the inputs carry no news, or the covariance would grow without end.
        let forget = if self.covariance[0][0] < 1e4 && denominator > 1.001 { FORGET } else { 1.0 };
        for i in 0..INPUTS {
            let k = gain[i] * inverse;
            self.weights[i] += k * error;
            for j in 0..INPUTS {
                self.covariance[i][j] = (self.covariance[i][j] - k * gain[j]) * forget;
            }
        }
        let sane = (1.0..1e12).contains(&denominator);
        if !sane || !self.weights.iter().all(|w| w.abs() < 1e6) {
            self.reset();
        }
    }
}

/// Counts of symbols, for columns of few distinct values.
#[derive(Debug)]
struct Counts {
    symbols: usize,
    plain: Vec<f64>,
    plain_total: f64,
    /// Row of counts by the symbol before.
    after: Vec<f64>,
    after_total: Vec<f64>,
    before: usize,
    /// Cumulative shares below each symbol, of both counts.
    below: Vec<[f64; 2]>,
}

impl Counts {
    fn new(symbols: usize) -> Self {
        let mut this = Self {
            symbols,
            plain: vec![0.5; symbols],
            plain_total: 0.5 * symbols as f64,
            after: vec![0.25; symbols * symbols],
            after_total: vec![0.25 * symbols as f64; symbols],
            before: 0,
            below: vec![[0.0; 2]; symbols + 1],
        };
        this.sum_up();
        this
    }

    fn sum_up(&mut self) {
        let row = &self.after[self.before * self.symbols..][..self.symbols];
        let row_total = self.after_total[self.before];
        let (mut a, mut b) = (0.0, 0.0);
        for i in 0..self.symbols {
            self.below[i] = [a / self.plain_total, b / row_total];
            a += self.plain[i];
            b += row[i];
        }
        self.below[self.symbols] = [1.0, 1.0];
    }

    fn learn(&mut self, symbol: usize) {
        self.plain[symbol] += 1.0;
        self.plain_total += 1.0;
        self.after[self.before * self.symbols + symbol] += 1.0;
        self.after_total[self.before] += 1.0;
        self.before = symbol;
        self.sum_up();
    }
}

/// One bell curve: where it stands and how wide it is.
#[derive(Clone, Copy, Debug, Default)]
struct Curve {
    mean: f64,
    inverse_width: f64,
}

/// Cumulative probabilities of all experts at one edge between symbols.
pub type AtEdge = [f64; EXPERTS];

/// The adaptive model of one column.
#[derive(Debug)]
pub struct Density {
    table: &'static [f64],
    unit: f64,
    inverse_unit: f64,
    predictor: Predictor,
    counts: Option<Counts>,
    last: f64,
    averages: [f64; 4],
    /// Mean squares of the prediction error, slow, middle and fast, and of the step, in units.
    squares: [f64; 4],
    curves: [Curve; 4],
    weights: [f64; EXPERTS],
    seen: u32,
}

impl Density {
    /// A model that starts at `first`, expects steps of about `unit`, and, for a column of `symbols` distinct values,
    /// counts them.
    #[must_use]
    pub fn new(first: f64, unit: f64, symbols: Option<(usize, usize)>) -> Self {
        let mut weights = [1.0 / CURVES as f64; EXPERTS];
        let mut counts = symbols.map(|(n, _)| Counts::new(n));
        if let (Some(counts), Some((_, first))) = (counts.as_mut(), symbols) {
            weights = [1.0 / EXPERTS as f64; EXPERTS];
            counts.before = first;
            counts.sum_up();
        } else {
            weights[CURVES] = 0.0;
            weights[CURVES + 1] = 0.0;
        }
        let mut this = Self {
            table: normal_table(),
            unit,
            inverse_unit: 1.0 / unit,
            predictor: Predictor::new(),
            counts,
            last: first,
            averages: [first; 4],
            squares: [1.0; 4],
            curves: [Curve::default(); 4],
            weights,
            seen: 0,
        };
        this.prepare();
        this
    }

    /// The middle of what is expected next.
    #[must_use]
    pub const fn center(&self) -> f64 {
        self.curves[0].mean
    }

    fn prepare(&mut self) {
        for i in 0..4 {
            self.predictor.inputs[2 + i] = (self.averages[i] - self.last) * self.inverse_unit;
        }
        let step = self.predictor.predict();
        let guess = self.last + step * self.unit;
        let guess = if guess.abs() < 1e300 { guess } else { self.last };
        let width = |square: f64, factor: f64| factor / (self.unit * (square + 1e-9).sqrt());
        self.curves = [
            Curve { mean: guess, inverse_width: width(self.squares[0], 1.0) },
            Curve { mean: guess, inverse_width: width(self.squares[1], 1.0) },
            Curve { mean: guess, inverse_width: width(self.squares[2], 1.7) },
            Curve { mean: self.last, inverse_width: width(self.squares[3], 1.5) },
        ];
    }

    /// What each expert puts below `edge`; `symbol` is the symbol that starts there.
    #[inline]
    #[must_use]
    pub fn at(&self, edge: f64, symbol: usize) -> AtEdge {
        let [a, b, c, d] = self.curves;
        let (plain, after) =
            self.counts.as_ref().map_or((0.0, 0.0), |k| (k.below[symbol][0], k.below[symbol][1]));
        [
            normal(self.table, (edge - a.mean) * a.inverse_width),
            normal(self.table, (edge - b.mean) * b.inverse_width),
            heavy((edge - c.mean) * c.inverse_width),
            heavy((edge - d.mean) * d.inverse_width),
            if edge > self.last { 1.0 } else { 0.0 },
            plain,
            after,
        ]
    }

    /// The mixture of [`Density::at`], 0 to 1.
    #[inline]
    #[must_use]
    pub fn mix(&self, at: &AtEdge) -> f64 {
        let mut sum = 0.0;
        for i in 0..EXPERTS {
            sum += self.weights[i] * at[i];
        }
        sum.clamp(0.0, 1.0)
    }

    /// Learns that `value` came, which lay between the edges whose [`Density::at`] are given.
    pub fn learn(&mut self, value: f64, symbol: usize, lower: &AtEdge, upper: &AtEdge) {
        let used = if self.counts.is_some() { EXPERTS } else { CURVES };
        let mut sum = 0.0;
        for i in 0..used {
            let p = (upper[i] - lower[i]).max(1e-7);
            self.weights[i] *= p;
            sum += self.weights[i];
        }
        let scale = (1.0 - SHARE) / sum;
        let share = SHARE / used as f64;
        for i in 0..used {
            self.weights[i] = self.weights[i] * scale + share;
        }

        // Jumps are capped so that no square overflows; a cap only costs bits.
        let step = ((value - self.last) * self.inverse_unit).clamp(-1e9, 1e9);
        let error = (step - self.predictor.output).clamp(-1e9, 1e9);
        self.seen += 1;
        // While young, plain means; then exponential ones.
        let young = 1.0 / f64::from(self.seen + 1);
        let square = error * error;
        let rates = [1.0 / 256.0, 1.0 / 48.0, 1.0 / 10.0];
        for i in 0..3 {
            let rate = if young > rates[i] { young } else { rates[i] };
            self.squares[i] += (square - self.squares[i]) * rate;
        }
        let rate = if young > rates[1] { young } else { rates[1] };
        self.squares[3] += (step * step - self.squares[3]) * rate;
        self.predictor.learn(step);

        let inputs = &mut self.predictor.inputs;
        inputs[1] = inputs[0];
        inputs[0] = step;
        for i in 0..4 {
            let rate = if young > LADDER[i] { young } else { LADDER[i] };
            self.averages[i] += (value - self.averages[i]) * rate;
        }
        self.last = value;
        if let Some(counts) = self.counts.as_mut() {
            counts.learn(symbol);
        }
        self.prepare();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_normal_distribution() {
        let t = normal_table();
        for (z, p) in
            [(0.0, 0.5), (1.0, 0.841_344_746), (-2.0, 0.022_750_132), (3.5, 0.999_767_371)]
        {
            assert!((normal(t, z) - p).abs() < 3e-5, "{z}");
        }
        assert!(t.windows(2).all(|w| w[0] <= w[1]));
    }

    #[test]
    fn the_model_never_leaves_the_numbers() {
        for spike in [1e300, -1e300, 0.0, 1e-300] {
            let mut d = Density::new(0.0, 1e-3, None);
            for i in 0..500 {
                let v = if i % 50 == 49 { spike } else { f64::from(i) };
                let (a, b) = (d.at(v - 0.5, 0), d.at(v + 0.5, 0));
                assert!(d.mix(&a) >= 0.0 && d.mix(&b) <= 1.0 && d.mix(&a) <= d.mix(&b));
                d.learn(v, 0, &a, &b);
            }
        }
    }
}
