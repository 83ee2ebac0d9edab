//! The panel: its gate over raw sockets, what is behind it, and the page in a real browser.

mod adding;
mod alerts;
mod api;
mod bad_days;
mod browser;
mod deeds;
mod desk;
mod domains;
mod downloads;
mod events;
mod gate;
mod history;
mod life;
mod limits;
mod page;
mod secrets;
mod stream;
mod tokens;
mod visitors;
