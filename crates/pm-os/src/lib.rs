//! Everything that touches processes.
