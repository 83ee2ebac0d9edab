//! A question as a probe of Kubernetes.

use pm_spec::Question;
use serde_json::{Value, json};

use crate::container::{ContainerRequest, asked};
use crate::draft::AppDraft;
use crate::key::ExportKey;
use crate::probes::headers;

/// What is asked, and how long an answer may take.
pub(super) fn asking(draft: &mut AppDraft<'_>, key: ExportKey, question: &Question) -> Value {
    let mut probe = match asked(draft, &question.probe) {
        ContainerRequest::Tcp(port) => json!({ "tcpSocket": { "port": port } }),
        ContainerRequest::Http(port, get) => {
            if get.status.is_some() {
                draft.changed(key, "httpGet: any status from 200 to 399 is a good answer");
            }
            let mut ask = json!({ "path": get.path, "port": port });
            let headers: Vec<_> =
                headers(get).map(|(name, value)| json!({ "name": name, "value": value })).collect();
            if !headers.is_empty() {
                ask["httpHeaders"] = headers.into();
            }
            json!({ "httpGet": ask })
        }
        ContainerRequest::Command(words) => json!({ "exec": { "command": words } }),
    };
    probe["timeoutSeconds"] = json!(question.timeout.as_millis().div_ceil(1000).max(1));
    probe
}
