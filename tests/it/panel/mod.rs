//! The panel: its gate over raw sockets, what is behind it, and the page in a real browser.

mod browser;
mod desk;
mod gate;
mod life;
mod limits;
mod page;
mod visitors;
