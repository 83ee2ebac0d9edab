//! The vocabulary: what can be asked for; validated, plain data.
