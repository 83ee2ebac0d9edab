//! Any value of any serde format, for formats that tell places beside serde (JSON5 afterwards, YAML meanwhile).
//!
//! Keys keep their order and may repeat; what a repeated key means is decided later.

use std::fmt;
use std::marker::PhantomData;

use pm_spec::ByteString;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::diagnose::ConfigPlace;
use crate::tree::{ConfigNode, TableEntry, Value};

/// How a format tells where a value stands; as they are, these tell no places.
pub(crate) trait Locate<'de>: Sized {
    /// One value with its place.
    fn node<D: Deserializer<'de>>(deserializer: D) -> Result<ConfigNode, D::Error> {
        let value = Shape::<Self>::deserialize(deserializer)?.0;
        Ok(ConfigNode { at: ConfigPlace::Whole, value })
    }

    /// One key with its place.
    fn key<D: Deserializer<'de>>(deserializer: D) -> Result<(String, ConfigPlace), D::Error> {
        Ok((String::deserialize(deserializer)?, ConfigPlace::Whole))
    }
}

/// A value whose children are placed by `L`.
pub(crate) struct Shape<L>(pub(crate) Value, PhantomData<L>);

/// A value placed by `L`.
struct Placed<L>(ConfigNode, PhantomData<L>);

/// A key placed by `L`.
struct PlacedKey<L>(String, ConfigPlace, PhantomData<L>);

impl<'de, L: Locate<'de>> Deserialize<'de> for Shape<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor(PhantomData::<L>)).map(|v| Self(v, PhantomData))
    }
}

impl<'de, L: Locate<'de>> Deserialize<'de> for Placed<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        L::node(deserializer).map(|node| Self(node, PhantomData))
    }
}

impl<'de, L: Locate<'de>> Deserialize<'de> for PlacedKey<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        L::key(deserializer).map(|(key, at)| Self(key, at, PhantomData))
    }
}

struct ValueVisitor<L>(PhantomData<L>);

impl<'de, L: Locate<'de>> Visitor<'de> for ValueVisitor<L> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        // Nothing here counts that far; as text it at least survives into an environment.
        Ok(i128::try_from(value)
            .map_or_else(|_| Value::text(ByteString::from(value.to_string())), Value::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::text(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Shape::<L>::deserialize(deserializer).map(|shape| shape.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(Placed::<L>(node, _)) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(PlacedKey::<L>(key, at, _)) = map.next_key()? {
            let Placed::<L>(node, _) = map.next_value()?;
            entries.push(TableEntry { key, at, node });
        }
        Ok(Value::Table(entries))
    }
}
