//! Everything that can be asked for over HTTP: one table, from which come dispatch, the check of roles, limits, and what the
//! documentation must name.

use std::sync::Arc;

use crate::api;
use crate::call::{Denial, WebAnswer, WebCall};
use crate::openapi;
use crate::panel::Panel;
use crate::path;
use crate::roles::Role;
use crate::route::{Cost, WebRoute};

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
    route!("GET" "/api/openapi.json" Viewer None, Plain, document, "this table"),
    route!("GET" "/metrics" Viewer None, Plain, api::metrics::page, "figures for Prometheus"),
    route!("GET" "/api/apps" Viewer None, Plain, api::apps::list, "all apps as rows"),
    route!("GET" "/api/apps/{}" Viewer None, Plain, api::apps::describe, "everything about one, secrets masked"),
    route!("GET" "/api/apps/{}/why" Viewer None, Plain, api::apps::why, "why it runs or does not"),
    route!("GET" "/api/apps/{}/ends" Viewer None, Plain, api::apps::ends, "its last ends"),
    route!("GET" "/api/apps/{}/history" Viewer None, Plain, api::history::one, "what it used, and when it was started again"),
    route!("GET" "/api/history" Viewer None, Plain, api::history::all, "what all used in the last minutes"),
    route!("GET" "/api/logs" Viewer None, Search, api::logs::page, "lines of logs, by pages"),
    route!("POST" "/api/logs/ticket" Viewer Some("fetch logs"), Plain, api::logs::ticket, "an address at which these lines can be fetched once, within half a minute"),
    route!("GET" "/api/events" Viewer None, Stream, api::events::stream, "what happens, as it happens"),
    route!("POST" "/api/apps/{}/start" Operator Some("start"), Plain, api::deeds::start, "start it"),
    route!("POST" "/api/apps/{}/stop" Operator Some("stop"), Plain, api::deeds::stop, "stop it"),
    route!("POST" "/api/apps/{}/restart" Operator Some("restart"), Plain, api::deeds::restart, "restart it"),
    route!("POST" "/api/apps/{}/reload" Operator Some("reload"), Plain, api::deeds::reload, "reload it"),
    route!("POST" "/api/apps/{}/reset" Operator Some("reset"), Plain, api::deeds::reset, "set its restart counter to zero"),
    route!("POST" "/api/apps/{}/flush" Operator Some("flush"), Plain, api::deeds::flush, "empty its logs"),
    route!("POST" "/api/apps/{}/scale" Operator Some("scale"), Plain, api::deeds::scale, "have so many instances"),
    route!("POST" "/api/apps/{}/signal" Operator Some("signal"), Plain, api::deeds::signal, "send a signal"),
    route!("POST" "/api/apps/{}/delete" Admin Some("delete"), Plain, api::deeds::delete, "stop it, and know it no longer"),
    route!("POST" "/api/bulk" Operator Some("bulk"), Plain, api::deeds::bulk, "do the same to several"),
    route!("GET" "/api/access" Admin None, Plain, api::access::show, "users, tokens and sessions"),
    route!("POST" "/api/access" Admin Some("access"), Plain, api::access::change, "one more or one less of them"),
    route!("GET" "/api/alerts" Admin None, Plain, api::alerts::show, "rules, channels without their secrets, and what was told"),
    route!("POST" "/api/alerts" Admin Some("alerts"), Plain, api::alerts::change, "another rule, a channel more or less, or a test"),
    route!("GET" "/api/domains" Admin None, Plain, api::domains::list, "domains that lead to apps, and the web servers that are there"),
    route!("POST" "/api/domains/plan" Admin Some("look at a domain"), Plain, api::domains::plan, "what a change of a domain would write and run"),
    route!("POST" "/api/domains" Admin Some("domain"), Plain, api::domains::change, "a domain more or less"),
    route!("GET" "/api/folders" Admin None, Plain, api::projects::folders, "folders to choose a project from"),
    route!("POST" "/api/scout" Admin Some("scout"), Search, api::projects::scout, "what a folder holds, and what adding it would do"),
    route!("POST" "/api/projects" Admin Some("add"), Plain, api::projects::add, "add it"),
];

/// `GET /api/openapi.json`: what there is, for whom.
async fn document(_: Arc<Panel>, _: WebCall) -> Result<WebAnswer, Denial> {
    Ok(WebAnswer::json(&openapi::document(ROUTES)))
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
            // Signing out, and what is only looked at, whose address is asked for first.
            let is_own = ["/api/session", "/api/logs/ticket"].contains(&route.path);
            assert!(route.deed.is_none() || is_own || route.role > Role::Viewer, "{name}");
            assert!(!route.doc.is_empty(), "{name}");
            let same =
                ROUTES.iter().filter(|it| (it.method, it.path) == (route.method, route.path));
            assert_eq!(same.count(), 1, "{name}");
        }
    }

    #[test]
    fn each_route_is_told_with_all_that_it_takes() {
        let document = openapi::document(ROUTES);
        for route in ROUTES {
            let path = route.path.replace("{}", "{id}");
            let told = &document["paths"][&path][route.method.to_ascii_lowercase()];
            assert_eq!(told["summary"], route.doc, "{} {path}", route.method);
            let has_id = told["parameters"].as_array().unwrap().iter().any(|it| it["in"] == "path");
            assert_eq!(has_id, path.contains("{id}"), "{path}");
            assert_eq!(told["requestBody"].is_object(), route.method == "POST", "{path}");
        }
        for (path, name, _) in openapi::QUERIES {
            let path = path.replace("{}", "{id}");
            assert!(document["paths"][&path].to_string().contains(name), "{path} {name}");
        }
        assert!(document["paths"]["/api/session"]["post"].is_object());
        assert_eq!(document["paths"].as_object().unwrap().len(), {
            let mut paths: Vec<_> = ROUTES.iter().map(|route| route.path).collect();
            paths.sort_unstable();
            paths.dedup();
            paths.len()
        });
    }
}
