//! Decides: facts in, orders out, on virtual time.
