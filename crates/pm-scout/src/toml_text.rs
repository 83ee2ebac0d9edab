//! TOML with the lines its values stand on.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A document of TOML.
#[derive(Debug)]
pub(crate) struct TomlText<'a> {
    text: &'a str,
    root: Spanned<DeTable<'a>>,
}

/// A value in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TomlPlace<'d> {
    text: &'d str,
    start: usize,
    value: &'d DeValue<'d>,
}

impl<'a> TomlText<'a> {
    /// Reads a text; what is wrong with it is told.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let (root, errors) = DeTable::parse_recoverable(text);
        match errors.first() {
            None => Ok(Self { text, root }),
            Some(error) => {
                let line = error.span().map_or(1, |span| line(text, span.start));
                let message = error.message().replace('\n', "; ");
                Err(format!("line {line}: {message}"))
            }
        }
    }

    /// What stands under these keys.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<TomlPlace<'_>> {
        let (first, rest) = keys.split_first()?;
        let (key, value) = self.root.get_ref().iter().find(|(key, _)| key.get_ref() == first)?;
        let place = TomlPlace { text: self.text, start: key.span().start, value: value.get_ref() };
        rest.iter().try_fold(place, |place, key| place.under(key))
    }
}

impl<'d> TomlPlace<'d> {
    pub(crate) fn under(self, name: &str) -> Option<Self> {
        self.entries().find(|(key, _)| *key == name).map(|(_, place)| place)
    }

    /// Its line, from 1.
    pub(crate) fn line(self) -> usize {
        line(self.text, self.start)
    }

    pub(crate) fn as_text(self) -> Option<&'d str> {
        if let DeValue::String(text) = self.value { Some(text) } else { None }
    }

    pub(crate) fn is_true(self) -> bool {
        matches!(self.value, DeValue::Boolean(true))
    }

    /// The keys and values of a table.
    pub(crate) fn entries(self) -> impl Iterator<Item = (&'d str, Self)> {
        let text = self.text;
        let table = if let DeValue::Table(table) = self.value { Some(table) } else { None };
        table.into_iter().flat_map(|table| table.iter()).map(move |(key, value)| {
            let (start, value) = (key.span().start, value.get_ref());
            (key.get_ref().as_ref(), Self { text, start, value })
        })
    }

    /// The values of a list.
    pub(crate) fn items(self) -> impl Iterator<Item = Self> {
        let text = self.text;
        let list = if let DeValue::Array(items) = self.value { Some(items) } else { None };
        list.into_iter().flat_map(|items| items.iter()).map(move |value| {
            let (start, value) = (value.span().start, value.get_ref());
            Self { text, start, value }
        })
    }
}

fn line(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}
