//! Black-box tests of the installed binary, one file per area. Each has a home of its own.

mod survival;
