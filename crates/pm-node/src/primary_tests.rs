//! Traces of the primary: what workers say and what it decides.
