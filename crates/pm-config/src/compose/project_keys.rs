//! The keys of a Compose file beside and below `services`, in the order in which Compose prints them.

use super::schema::Kind::{Bool, Int, List, Map, Pairs, Path, Short, Table, Text};
use super::schema::{
    Bare, KeyRow, Kind, LABELS, LIST, OPTIONS, ShortForm, Unique, Zero, hidden, in_json, row, said,
};
use super::service_keys::SERVICE;

/// The whole file.
pub(crate) const FILE: Kind = Table(&[
    row("name", Text),
    row("services", Map(&SERVICE)),
    row("networks", Map(&NETWORK)),
    row("volumes", Map(&VOLUME_OF_PROJECT)),
    row("secrets", Map(&SECRET)),
    row("configs", Map(&CONFIG)),
    hidden("models", Map(&MODEL)),
    row("include", List(&INCLUDE, Unique::No)),
    row("version", Text),
]);

const NETWORK: Kind = Table(&[
    row("name", Text),
    row("driver", Text),
    row("driver_opts", OPTIONS),
    in_json(
        "ipam",
        Table(&[
            row("driver", Text),
            row(
                "config",
                List(
                    &Table(&[
                        row("subnet", Text),
                        row("gateway", Text),
                        row("ip_range", Text),
                        row("aux_addresses", Pairs(Bare::Empty)),
                    ]),
                    Unique::By("subnet"),
                ),
            ),
            KeyRow { key: "options", kind: OPTIONS, zero: Zero::Unprinted },
        ]),
    ),
    row("external", Short(ShortForm::External, &Bool)),
    row("internal", Bool),
    row("attachable", Bool),
    row("labels", LABELS),
    said("enable_ipv4", Bool),
    said("enable_ipv6", Bool),
]);

const VOLUME_OF_PROJECT: Kind = Table(&[
    row("name", Text),
    row("driver", Text),
    row("driver_opts", OPTIONS),
    row("external", Short(ShortForm::External, &Bool)),
    row("labels", LABELS),
]);

const FILE_OBJECT: &[KeyRow] = &[
    row("name", Text),
    row("file", Path),
    row("environment", Text),
    row("content", Text),
    row("external", Short(ShortForm::External, &Bool)),
    row("labels", LABELS),
    row("driver", Text),
    row("driver_opts", OPTIONS),
    row("template_driver", Text),
];

const SECRET: Kind = Table(FILE_OBJECT);
const CONFIG: Kind = Table(FILE_OBJECT);

const MODEL: Kind = Table(&[
    row("name", Text),
    row("model", Text),
    row("context_size", Int),
    row("runtime_flags", LIST),
]);

const INCLUDE: Kind = Short(
    ShortForm::Key("path"),
    &Table(&[row("path", LIST), row("project_directory", Text), row("env_file", LIST)]),
);
