//! The flags of an app's keys, made from their rows: a key with a flag has it on every command that starts apps.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use pm_config::{Given, Typed};
use pm_spec::ByteString;
use pm_spec::options::{FlagValue, GROUPS, KeySpec, Support, keys};

/// What was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyFlags {
    pub(crate) given: Given,
}

impl Args for KeyFlags {
    fn augment_args(command: Command) -> Command {
        let rows = GROUPS.iter().flat_map(|group| group.keys.iter().map(move |key| (group, key)));
        let args = rows.filter_map(|(group, key)| arg(key, group.heading));
        args.fold(command, Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// What the grammar has to know of a key's flag; values are read as in a config file.
fn arg(key: &'static KeySpec, heading: &'static str) -> Option<Arg> {
    let flag = key.flag.as_ref()?;
    let mut arg = Arg::new(key.name)
        .long(flag.name())
        .help(flag.help)
        .aliases(flag.aliases.iter().copied())
        .visible_aliases(flag.shown_alias)
        .help_heading(heading)
        .hide(key.support != Support::Full)
        .short(flag.short);
    if let Some(other) = flag.or {
        arg = arg.overrides_with(other);
    }
    let arg = match flag.value {
        FlagValue::On | FlagValue::Off => return Some(arg.action(ArgAction::SetTrue)),
        FlagValue::Words | FlagValue::List => arg.action(ArgAction::Append),
        FlagValue::MaybePath => arg.num_args(0..=1).default_missing_value(""),
        FlagValue::MaybeWords => {
            let arg = arg.num_args(0..=1).default_missing_value("").require_equals(true);
            arg.action(ArgAction::Append)
        }
        FlagValue::AnyWord => arg.allow_hyphen_values(true),
        FlagValue::Word | FlagValue::Path | FlagValue::Seconds => arg,
    };
    Some(arg.value_name(flag.value_name).value_parser(ValueParser::os_string()))
}

impl FromArgMatches for KeyFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut given = Given::default();
        for key in keys().filter(|key| key.support == Support::Full) {
            let Some(flag) = &key.flag else { continue };
            if matches!(flag.value, FlagValue::On | FlagValue::Off) {
                if matches.get_flag(key.name) {
                    given.set(key.name, Typed::Switch(flag.value == FlagValue::On));
                }
            } else {
                let words = matches.get_many::<OsString>(key.name).into_iter().flatten();
                let words = words.map(|word| ByteString::new(word.clone().into_vec()));
                given.set(key.name, Typed::Words(words.collect()));
            }
        }
        Ok(Self { given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
