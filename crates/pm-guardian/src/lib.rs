//! The tiny immortal half: keeps descriptors and exits, restarts the daemon.
