//! Reading messages of a newer server.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, IntoDeserializer, MapAccess,
    VariantAccess, Visitor,
};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};

/// A `T`, which is an enum with serde's default tagging, or `None` if no key of the object is
/// one of its variants. Other keys are skipped. A known variant with wrong content is still an
/// error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Known<T>(pub Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Known<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys(PhantomData))
    }
}

struct Keys<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Keys<T> {
    type Value = Known<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Known<T>, M::Error> {
        let mut known = None;
        while let Some(name) = map.next_key::<String>()? {
            if known.is_none() {
                known = map.next_value_seed(Entry(&name, PhantomData))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Known(known))
    }
}

/// One entry of an object, which may be a variant: it holds the key and reads the content.
struct Entry<'n, T>(&'n str, PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Entry<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, content: D) -> Result<Option<T>, D::Error> {
        let mut content = Some(content);
        let tagged = Tagged {
            name: self.0,
            content: &mut content,
        };
        match T::deserialize(tagged) {
            Ok(known) => Ok(Some(known)),
            Err(error) => match content {
                // The key is not a variant, so the content has not been read.
                Some(content) => IgnoredAny::deserialize(content).map(|_| None),
                None => Err(error),
            },
        }
    }
}

struct Tagged<'n, 'c, D> {
    name: &'n str,
    content: &'c mut Option<D>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tagged<'_, '_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, D: Deserializer<'de>> EnumAccess<'de> for Tagged<'_, '_, D> {
    type Error = D::Error;
    type Variant = Content<D>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<D>), D::Error> {
        let name: StrDeserializer<'_, D::Error> = self.name.into_deserializer();
        let variant = seed.deserialize(name)?;
        let taken = || serde::de::Error::custom("the content was read already");
        let content = self.content.take().ok_or_else(taken)?;
        Ok((variant, Content(content)))
    }
}

struct Content<D>(D);

impl<'de, D: Deserializer<'de>> VariantAccess<'de> for Content<D> {
    type Error = D::Error;

    fn unit_variant(self) -> Result<(), D::Error> {
        <()>::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, D::Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Fruit {
        Apple { red: bool },
        Pair(u8, u8),
        Count(u8),
        None,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Bowl {
        size: u8,
        #[serde(flatten)]
        fruit: Known<Fruit>,
    }

    fn read(text: &str) -> Result<Option<Fruit>, serde_json::Error> {
        serde_json::from_str(text).map(|Known(fruit)| fruit)
    }

    #[test]
    fn what_is_not_known_is_passed_over_and_what_is_wrong_is_not() {
        let red = Some(Fruit::Apple { red: true });
        for (text, fruit) in [
            (r#"{"apple":{"red":true,"sweet":1}}"#, red),
            (
                r#"{"kiwi":{"deep":[1,{}]},"pair":[1,2]}"#,
                Some(Fruit::Pair(1, 2)),
            ),
            (r#"{"count":3,"kiwi":null}"#, Some(Fruit::Count(3))),
            (r#"{"none":null}"#, Some(Fruit::None)),
            (r#"{"kiwi":{}}"#, None),
            ("{}", None),
        ] {
            assert_eq!(read(text).unwrap(), fruit, "{text}");
        }
        for wrong in [
            r#"{"apple":{}}"#,
            r#"{"count":300}"#,
            r#"{"kiwi":1"#,
            "[]",
            "1",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_stands_among_other_fields() {
        let bowl = |text| serde_json::from_str::<Bowl>(text);
        let fruit = bowl(r#"{"size":1,"count":2,"more":{}}"#).unwrap().fruit;
        assert_eq!(fruit, Known(Some(Fruit::Count(2))));
        assert_eq!(bowl(r#"{"kiwi":2,"size":1}"#).unwrap().fruit, Known(None));
        assert!(bowl(r#"{"size":1,"apple":{"red":2}}"#).is_err());
    }
}
