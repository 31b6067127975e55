//! Little-endian bytes, variable-length integers, and a reader that cannot run past its end.
//!
//! A varint is LEB128 (seven bits a byte, low bits first); a signed number is zigzagged first. Every length that is read
//! is checked against what is left before anything is allocated for it.

/// What is wrong with bytes that passed or failed their checksum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Corrupt(pub String);

/// Result of reading stored bytes.
pub type Read<T> = Result<T, Corrupt>;

/// Shorthand for an error.
pub fn corrupt<T>(what: impl Into<String>) -> Read<T> {
    Err(Corrupt(what.into()))
}

/// Signed to unsigned, small magnitudes first.
#[must_use]
pub const fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[must_use]
pub const fn unzigzag(v: u64) -> i64 {
    ((v >> 1) as i64) ^ -((v & 1) as i64)
}

/// Appends an unsigned varint.
pub fn put_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Appends a signed varint.
pub fn put_signed(out: &mut Vec<u8>, v: i64) {
    put_varint(out, zigzag(v));
}

/// Appends the eight bytes of a double.
pub fn put_f64(out: &mut Vec<u8>, v: f64) {
    out.extend_from_slice(&v.to_bits().to_le_bytes());
}

/// Reads from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Read<&'a [u8]> {
        if n > self.rest.len() {
            return corrupt(format!("{n} bytes wanted, {} left", self.rest.len()));
        }
        let (head, rest) = self.rest.split_at(n);
        self.rest = rest;
        Ok(head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Read<u8> {
        Ok(self.take(1)?[0])
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Read<u32> {
        let b = self.take(4)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Read<u64> {
        let b = self.take(8)?;
        Ok(u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
    }

    /// A double.
    pub fn f64(&mut self) -> Read<f64> {
        Ok(f64::from_bits(self.u64()?))
    }

    /// An unsigned varint.
    pub fn varint(&mut self) -> Read<u64> {
        let mut v = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.u8()?;
            v |= u64::from(b & 0x7F) << shift;
            if b < 0x80 {
                return Ok(v);
            }
        }
        corrupt("a varint of more than ten bytes")
    }

    /// A signed varint.
    pub fn signed(&mut self) -> Read<i64> {
        Ok(unzigzag(self.varint()?))
    }

    /// A varint that counts things in memory, refused above `max`.
    pub fn count(&mut self, max: usize) -> Read<usize> {
        let v = self.varint()?;
        if v > max as u64 {
            corrupt(format!("a count of {v}, at most {max} fit"))
        } else {
            Ok(v as usize)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read() {
        let mut out = Vec::new();
        for v in [0, 1, -1, 63, -64, 64, i64::MAX, i64::MIN] {
            put_signed(&mut out, v);
        }
        put_f64(&mut out, -0.0);
        let mut r = Reader::new(&out);
        for v in [0, 1, -1, 63, -64, 64, i64::MAX, i64::MIN] {
            assert_eq!(r.signed().unwrap(), v);
        }
        assert_eq!(r.f64().unwrap().to_bits(), (-0.0f64).to_bits());
        assert!(r.u8().is_err());
    }
}
