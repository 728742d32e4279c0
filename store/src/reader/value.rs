//! Values of a record's fields as the file has them: borrowed text, and what stands where something else should.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a field holds: `null` is the same as no field at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<T> {
    Absent,
    Is(T),
    /// Of another type than the field's; the text says which.
    Wrong(Cow<'static, str>),
}

/// A type that some kinds of JSON values give; all the other kinds are [`Value::Wrong`].
pub(super) trait Field<'de>: Sized {
    fn from_borrowed(_text: &'de str) -> Value<Self> {
        Value::Wrong(Cow::Borrowed("a string"))
    }

    fn from_owned(_text: &str) -> Value<Self> {
        Value::Wrong(Cow::Borrowed("a string"))
    }

    fn from_int(_number: i64) -> Value<Self> {
        Value::Wrong(Cow::Borrowed("a number"))
    }

    fn from_bool(_truth: bool) -> Value<Self> {
        Value::Wrong(Cow::Borrowed("a boolean"))
    }

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Value<Self>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Wrong(Cow::Borrowed("an array")))
    }

    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Value<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Wrong(Cow::Borrowed("an object")))
    }
}

impl<'de> Field<'de> for Cow<'de, str> {
    fn from_borrowed(text: &'de str) -> Value<Self> {
        Value::Is(Cow::Borrowed(text))
    }

    fn from_owned(text: &str) -> Value<Self> {
        Value::Is(Cow::Owned(text.to_owned()))
    }
}

impl Field<'_> for i64 {
    fn from_int(number: i64) -> Value<Self> {
        Value::Is(number)
    }
}

impl Field<'_> for bool {
    fn from_bool(truth: bool) -> Value<Self> {
        Value::Is(truth)
    }
}

/// A list whose `null` elements are left out; the first wrong element makes the whole list wrong.
impl<'de, T: Field<'de>> Field<'de> for Vec<T> {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Value<Self>, A::Error> {
        let mut list = Self::new();
        let mut wrong = None;
        while let Some(element) = seq.next_element_seed(Seed::<T>::new())? {
            match element {
                Value::Is(element) => list.push(element),
                Value::Wrong(found) => wrong = wrong.or(Some(found)),
                Value::Absent => {}
            }
        }
        list.shrink_to_fit();
        Ok(wrong.map_or(Value::Is(list), |found| {
            Value::Wrong(format!("a list with {found} in it").into())
        }))
    }
}

/// Reads a [`Value`] without ever failing on a wrong type.
pub(super) struct Seed<T>(PhantomData<T>);

impl<T> Seed<T> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Field<'de>> DeserializeSeed<'de> for Seed<T> {
    type Value = Value<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Field<'de>> Visitor<'de> for Seed<T> {
    type Value = Value<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<T>, E> {
        Ok(T::from_borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<T>, E> {
        Ok(T::from_owned(text))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value<T>, E> {
        Ok(T::from_int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value<T>, E> {
        Ok(i64::try_from(number).map_or(
            Value::Wrong(Cow::Borrowed("a number that is too large")),
            T::from_int,
        ))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value<T>, E> {
        Ok(Value::Wrong(Cow::Borrowed("a number with a fraction")))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value<T>, E> {
        Ok(T::from_bool(truth))
    }

    fn visit_unit<E: Error>(self) -> Result<Value<T>, E> {
        Ok(Value::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value<T>, A::Error> {
        T::from_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value<T>, A::Error> {
        T::from_map(map)
    }
}
