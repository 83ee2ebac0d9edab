//! Figures of the machine as PM2's `slist` names them.

use pm_protocol::Host;
use serde_json::{Map, Value, json};

/// PM2's metrics by name. Disks and interfaces are added up, and disk traffic is not measured.
pub fn machine(host: &Host) -> Value {
    let metric = |(name, value, unit): Metric| {
        let told = json!({ "value": value, "type": "metric", "unit": unit, "historic": true });
        (name.to_owned(), told)
    };
    Value::Object(metrics(host).map(metric).into_iter().collect::<Map<_, _>>())
}

/// Name, value as JavaScript shows it, unit.
type Metric = (&'static str, Value, &'static str);

fn metrics(host: &Host) -> [Metric; 12] {
    let mega = |bytes: u64| whole(bytes) / 1e6;
    let giga = |bytes: u64| whole(bytes) / 1e9;
    let metrics = [
        ("CPU Usage", f64::from(host.cpu), "%"),
        ("CPU Cores", f64::from(host.cores), ""),
        ("Load Average", host.load[0], ""),
        ("RAM Usage", share(host.memory_used, host.memory_total), "%"),
        ("RAM Total", whole(host.memory_total), "b"),
        ("RAM Available", whole(host.memory_total.saturating_sub(host.memory_used)), "b"),
        ("RAM Active", whole(host.memory_used), "b"),
        ("Swap Usage", share(host.swap_used, host.swap_total), "%"),
        ("net:rx_5:all", mega(host.received), "mb/s"),
        ("net:tx_5:all", mega(host.sent), "mb/s"),
        ("fs:use:home", share(host.disk_used, host.disk_usable()), "%"),
        ("fs:size:home", giga(host.disk_total), "gb"),
    ];
    metrics.map(|(name, value, unit)| {
        let value = (value * 100.0).round() / 100.0;
        let value = format!("{value}").parse::<u64>().map_or(Value::from(value), Value::from);
        (name, value, unit)
    })
}

/// The same as a tree, as PM2 draws it.
pub fn tree(host: &Host) -> String {
    let metrics = metrics(host);
    let last = metrics.len() - 1;
    let mut tree = String::new();
    for (at, (name, value, unit)) in metrics.into_iter().enumerate() {
        let (branch, trunk) = if at == last { ("└─", " ") } else { ("├─", "│") };
        tree.extend([branch, " ", name, "\n"]);
        let value = format!("value: {value}");
        let unit = format!("unit: {unit}");
        for (fork, leaf) in [
            ("├─", value.as_str()),
            ("├─", "type: metric"),
            ("├─", unit.trim_end()),
            ("└─", "historic: true"),
        ] {
            tree.extend([trunk, "  ", fork, " ", leaf, "\n"]);
        }
    }
    tree
}

fn share(part: u64, whole_of: u64) -> f64 {
    if whole_of == 0 { 0.0 } else { whole(part) / whole(whole_of) * 100.0 }
}

/// As exact as a float is; no machine has 2^53 bytes of anything.
fn whole(number: u64) -> f64 {
    number.to_string().parse().unwrap_or(f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_pm2s_names_and_units() {
        let host = Host {
            cpu: 12.5,
            memory_used: 1 << 30,
            memory_total: 4 << 30,
            received: 1_250_000,
            disk_used: 70_000_000_000,
            disk_free: Some(30_000_000_000),
            disk_total: 105_000_000_000,
            ..Host::default()
        };
        let shown = machine(&host);
        assert_eq!(shown["RAM Usage"]["value"], 25);
        assert_eq!(shown["RAM Total"]["value"], 4_294_967_296_u64);
        assert_eq!(
            shown["net:rx_5:all"],
            json!({
                "value": 1.25, "type": "metric", "unit": "mb/s", "historic": true,
            })
        );
        assert_eq!(shown["Swap Usage"]["value"], 0, "a machine without swap");
        assert_eq!(shown["CPU Usage"]["value"], 12.5);
        // What is kept for root is neither used nor usable.
        assert_eq!(shown["fs:use:home"]["value"], 70);
        assert_eq!(shown["fs:size:home"]["value"], 105);
    }
}
