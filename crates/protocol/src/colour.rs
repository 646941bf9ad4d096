//! The colours that distinguish members besides their names.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

/// A member's colour: an index in a palette of [`Colour::COUNT`] colours, which the client
/// chooses. It is serialised as the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(
        description = "An index in a palette that clients choose.",
        extend("maximum" = Colour::COUNT - 1)
    )
)]
#[serde(transparent)]
pub struct Colour(u8);

impl Colour {
    /// The number of colours. More would be hard to distinguish, and a room of ten members
    /// has one for each and some spare.
    pub const COUNT: u8 = 12;

    /// Its index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The colour with this index.
    pub fn new(index: u64) -> Option<Colour> {
        let index = u8::try_from(index).ok()?;
        (index < Colour::COUNT).then_some(Colour(index))
    }

    /// The colour that occurs least in `taken`; the lowest index if there are several.
    pub fn least_used(taken: impl Iterator<Item = Colour>) -> Colour {
        let mut used = [0_usize; Colour::COUNT as usize];
        for colour in taken {
            used[colour.index()] += 1;
        }
        let fewest = (0..Colour::COUNT).min_by_key(|index| used[usize::from(*index)]);
        Colour(fewest.unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Index;
        impl Visitor<'_> for Index {
            type Value = Colour;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let highest = Colour::COUNT - 1;
                write!(f, "a colour, which is a whole number from 0 to {highest}")
            }

            fn visit_u64<E: Error>(self, index: u64) -> Result<Colour, E> {
                let unexpected = || E::invalid_value(Unexpected::Unsigned(index), &self);
                Colour::new(index).ok_or_else(unexpected)
            }
        }
        deserializer.deserialize_u64(Index)
    }
}

/// Reads the colour of a member. The server may know more colours than this client, or none.
pub(crate) fn known<'de, D: Deserializer<'de>>(de: D) -> Result<Option<Colour>, D::Error> {
    let index = Option::<u64>::deserialize(de)?;
    Ok(index.and_then(Colour::new))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn colour(index: u64) -> Colour {
        Colour::new(index).unwrap()
    }

    #[test]
    fn whoever_does_not_choose_gets_the_lowest_of_the_rarest() {
        let next = |taken: &[u64]| Colour::least_used(taken.iter().copied().map(colour));
        assert_eq!(next(&[]), colour(0));
        assert_eq!(next(&[0, 1, 3]), colour(2));
        assert_eq!(next(&[1, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), colour(1));
    }

    #[test]
    fn a_colour_is_read_as_it_is_written_and_nothing_else_is_one() {
        for index in 0..u64::from(Colour::COUNT) {
            let text = serde_json::to_string(&colour(index)).unwrap();
            assert_eq!(text, index.to_string());
            assert_eq!(
                serde_json::from_str::<Colour>(&text).unwrap(),
                colour(index)
            );
        }
        for bad in ["12", "256", "-1", "1.5", "1.0", "\"1\"", "null", "true"] {
            let error = serde_json::from_str::<Colour>(bad).unwrap_err();
            let said = error.to_string();
            assert!(said.contains("whole number from 0 to 11"), "{bad}: {said}");
        }
    }
}
