//! A child whose behaviour is its command line.

fn main() {}
