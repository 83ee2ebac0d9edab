//! What several verbs need: what words mean, asking again after a lost answer, what is shown afterwards.

pub(crate) mod amend;
pub(crate) mod changes;
pub(crate) mod checkout;
pub(crate) mod cure;
pub(crate) mod described;
pub(crate) mod event_file;
pub(crate) mod finish;
pub(crate) mod foreground;
pub(crate) mod gap;
pub(crate) mod last_words;
pub(crate) mod line_feed;
pub(crate) mod listing;
pub(crate) mod moment;
pub(crate) mod nodes;
pub(crate) mod orphans;
pub(crate) mod port_conflict;
pub(crate) mod progress;
pub(crate) mod regular;
pub(crate) mod resend;
pub(crate) mod resurrection;
pub(crate) mod saved_list;
pub(crate) mod selectors;
pub(crate) mod settings;
pub(crate) mod targets;
pub(crate) mod unknown;
pub(crate) mod users;
