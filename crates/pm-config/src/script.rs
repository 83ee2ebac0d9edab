//! Configs that are programs: `*.config.js`, `.cjs`, `.mjs`.
//!
//! The seam for an embedded JavaScript engine; today it only explains how to go on without one.

use crate::diagnose::{Finding, Place};
use crate::tree::Node;

/// Refuses, with the way out.
pub(crate) fn parse() -> Result<Node, Finding> {
    Err(Finding::error(Place::Whole, "JavaScript configs come with the next release").hint(
        "write it as JSON5 meanwhile: node -p 'JSON.stringify(require(\"./ecosystem.config.js\"), null, 2)' > ecosystem.json5",
    ))
}
