//! Everything that can be asked for over HTTP: one table, from which come dispatch, the check of roles, limits, and what the
//! documentation must name.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::json;

use crate::api;
use crate::call::{Denial, WebAnswer, WebCall};
use crate::panel::Panel;
use crate::path;
use crate::roles::Role;

/// What a route leads to.
pub(crate) type RouteFuture = Pin<Box<dyn Future<Output = Result<WebAnswer, Denial>> + Send>>;

/// What a route costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// An answer.
    Plain,
    /// One of the session's eight streams.
    Stream,
    /// One of two searches, for at most ten seconds.
    Search,
}

/// One of them.
#[derive(Clone, Copy)]
pub(crate) struct WebRoute {
    pub(crate) method: &'static str,
    /// `{}` stands for one part.
    pub(crate) path: &'static str,
    pub(crate) role: Role,
    /// What it changes, for the audit; `None` for what only looks.
    pub(crate) deed: Option<&'static str>,
    pub(crate) cost: Cost,
    /// What it is for.
    pub(crate) doc: &'static str,
    pub(crate) run: fn(Arc<Panel>, WebCall) -> RouteFuture,
}

/// A line of the table.
macro_rules! route {
    ($method:literal $path:literal $role:ident $deed:expr, $cost:ident, $run:path, $doc:literal) => {
        WebRoute {
            method: $method,
            path: $path,
            role: Role::$role,
            deed: $deed,
            cost: Cost::$cost,
            doc: $doc,
            run: |panel, call| Box::pin($run(panel, call)),
        }
    };
}

/// All but the page's own files and signing in, which need no key.
#[rustfmt::skip]
pub(crate) static ROUTES: &[WebRoute] = &[
    route!("GET" "/api/session" Viewer None, Plain, api::session::show, "who one is, and where"),
    route!("DELETE" "/api/session" Viewer Some("sign out"), Plain, api::session::end, "sign out"),
    route!("GET" "/api/routes" Viewer None, Plain, list, "this table"),
    route!("GET" "/api/apps" Viewer None, Plain, api::apps::list, "all apps as rows"),
    route!("GET" "/api/apps/{}" Viewer None, Plain, api::apps::describe, "everything about one, secrets masked"),
    route!("GET" "/api/apps/{}/why" Viewer None, Plain, api::apps::why, "why it runs or does not"),
    route!("GET" "/api/apps/{}/ends" Viewer None, Plain, api::apps::ends, "its last ends"),
    route!("GET" "/api/logs" Viewer None, Search, api::logs::page, "lines of logs, by pages"),
    route!("GET" "/api/events" Viewer None, Stream, api::events::stream, "what happens, as it happens"),
    route!("POST" "/api/apps/{}/start" Operator Some("start"), Plain, api::deeds::start, "start it"),
    route!("POST" "/api/apps/{}/stop" Operator Some("stop"), Plain, api::deeds::stop, "stop it"),
    route!("POST" "/api/apps/{}/restart" Operator Some("restart"), Plain, api::deeds::restart, "restart it"),
    route!("POST" "/api/apps/{}/reload" Operator Some("reload"), Plain, api::deeds::reload, "reload it"),
    route!("POST" "/api/apps/{}/reset" Operator Some("reset"), Plain, api::deeds::reset, "set its restart counter to zero"),
    route!("POST" "/api/apps/{}/flush" Operator Some("flush"), Plain, api::deeds::flush, "empty its logs"),
    route!("POST" "/api/apps/{}/scale" Operator Some("scale"), Plain, api::deeds::scale, "have so many instances"),
    route!("POST" "/api/apps/{}/signal" Operator Some("signal"), Plain, api::deeds::signal, "send a signal"),
    route!("POST" "/api/bulk" Operator Some("bulk"), Plain, api::deeds::bulk, "do the same to several"),
    route!("GET" "/api/folders" Admin None, Plain, api::projects::folders, "folders to choose a project from"),
    route!("POST" "/api/scout" Admin Some("scout"), Search, api::projects::scout, "what a folder holds, and what adding it would do"),
    route!("POST" "/api/projects" Admin Some("add"), Plain, api::projects::add, "add it"),
];

/// `GET /api/routes`: what there is, for whom.
async fn list(_: Arc<Panel>, _: WebCall) -> Result<WebAnswer, Denial> {
    let line = |route: &WebRoute| {
        let WebRoute { method, path, role, deed, doc, .. } = route;
        json!({ "method": method, "path": path, "role": role, "deed": deed, "doc": doc })
    };
    Ok(WebAnswer::json(&ROUTES.iter().map(line).collect::<Vec<_>>()))
}

/// What a path leads to.
pub(crate) enum RouteMatch {
    Route(&'static WebRoute, Vec<String>),
    /// It is there, for other methods: these.
    OtherMethod(Vec<&'static str>),
    Nothing,
}

/// Finds the route of a request.
pub(crate) fn find(method: &str, path: &str) -> RouteMatch {
    let mut methods = Vec::new();
    for route in ROUTES {
        if let Some(args) = path::args(route.path, path) {
            if route.method == method {
                return RouteMatch::Route(route, args);
            }
            methods.push(route.method);
        }
    }
    if methods.is_empty() { RouteMatch::Nothing } else { RouteMatch::OtherMethod(methods) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_is_no_get_and_no_viewers() {
        for route in ROUTES {
            let name = format!("{} {}", route.method, route.path);
            assert_eq!(route.method == "GET", route.deed.is_none(), "{name}");
            let is_own = route.path == "/api/session";
            assert!(route.deed.is_none() || is_own || route.role > Role::Viewer, "{name}");
            assert!(!route.doc.is_empty(), "{name}");
            let same =
                ROUTES.iter().filter(|it| (it.method, it.path) == (route.method, route.path));
            assert_eq!(same.count(), 1, "{name}");
        }
    }
}
