//! Ecosystem files become app specs, or all their problems at once.
