//! Connect, call, subscribe, resume.
