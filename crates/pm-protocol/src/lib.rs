//! What two programs must agree on; no sockets.
