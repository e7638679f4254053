//! An error with all its causes, on one line.

use std::error::Error;
use std::fmt;

/// Prints an error and its sources as `what failed: why: why that`.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Foreign errors that print their source themselves, or that a source repeats, would be
            // read twice.
            if !last.ends_with(&text) && !text.ends_with(&last) {
                write!(f, ": {text}")?;
            }
            last = text;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the store")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read `a.db`")]
    struct Middle(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("no luck: {0}")]
    struct Repeating(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("disk on fire")]
    struct Repeated(#[source] std::io::Error);

    #[test]
    fn causes_follow_one_another_and_none_is_said_twice() {
        let error = Outer(Middle(std::io::Error::other("disk on fire")));
        assert_eq!(
            Chain(&error).to_string(),
            "cannot open the store: cannot read `a.db`: disk on fire"
        );
        let error = Repeating(std::io::Error::other("disk on fire"));
        assert_eq!(Chain(&error).to_string(), "no luck: disk on fire");
        let error = Repeated(std::io::Error::other("error 5: disk on fire"));
        assert_eq!(Chain(&error).to_string(), "disk on fire");
    }
}
