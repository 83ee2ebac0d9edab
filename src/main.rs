//! `pm`: parse, dispatch, print, exit code. The one place that prints.

fn main() {}
