//! Apps that this program is itself, to serve: what shows the apps of others leaves them out.

/// Their namespace.
pub(crate) const NAMESPACE: &str = "pm";
/// The panel.
pub(crate) const PANEL: &str = "pm-web";
/// Who answers clients of Supervisor.
pub(crate) const RPC: &str = "pm-rpc";

/// Whether an app is one of them.
pub(crate) fn is_one(name: &str, namespace: &str) -> bool {
    namespace == NAMESPACE && [PANEL, RPC].contains(&name)
}
