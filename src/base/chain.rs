//! Errors with their causes, on one line: `cannot open the source: cannot connect to 10.0.0.9: connection refused`.

use std::error::Error;
use std::fmt;

/// Shows an error and its sources. A source that the error before it has already told in its own words is left out.
#[derive(Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        f.write_str(&told)?;
        let mut next = self.0.source();
        while let Some(source) = next {
            let text = source.to_string();
            if !told.ends_with(&text) {
                write!(f, ": {text}")?;
                told = text;
            }
            next = source.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Level(&'static str, Option<Box<Level>>);

    impl fmt::Display for Level {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Level {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|next| next as _)
        }
    }

    #[rstest::rstest]
    #[case(&["refused"], "refused")]
    #[case(&["cannot open", "cannot connect", "refused"], "cannot open: cannot connect: refused")]
    #[case(&["database: locked", "locked"], "database: locked")]
    #[case(&["a: b: c", "b: c", "c"], "a: b: c")]
    fn every_level_is_told_once(#[case] levels: &[&'static str], #[case] shown: &str) {
        let chain = levels.iter().rev().fold(None, |next, text| Some(Box::new(Level(text, next)))).unwrap();
        assert_eq!(Chain(chain.as_ref()).to_string(), shown);
    }
}
