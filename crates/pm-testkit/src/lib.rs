//! Temp homes and waiting for facts.
