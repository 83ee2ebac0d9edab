//! The keys of a Compose service, in the order in which Compose prints them.

use super::schema::Kind::{
    Bool, Float, Hosts, Int, List, Map, Mode, Pairs, Path, Short, Size, Source, Span, Table, Test,
    Text, Words,
};
use super::schema::{
    Bare, KeyRow, Kind, LABELS, LIST, OPTIONS, SET, ShortForm, Unique, always, capital, in_json,
    row, said,
};

/// One service.
pub(crate) const SERVICE: Kind = Table(SERVICE_ROWS);

/// The keys of a service.
pub(crate) const SERVICE_ROWS: &[KeyRow] = &[
    row("profiles", SET),
    row("annotations", Pairs(Bare::Empty)),
    said("attach", Bool),
    row("build", Short(ShortForm::Key("context"), &BUILD)),
    row("develop", Table(&[row("watch", List(&WATCH, Unique::No))])),
    row("blkio_config", BLKIO),
    row("cap_add", SET),
    row("cap_drop", SET),
    row("cgroup_parent", Text),
    row("cgroup", Text),
    row("cpu_count", Int),
    row("cpu_percent", Float),
    row("cpu_period", Int),
    row("cpu_quota", Int),
    row("cpu_rt_period", Int),
    row("cpu_rt_runtime", Int),
    row("cpus", Float),
    row("cpuset", Text),
    row("cpu_shares", Int),
    in_json("command", Words),
    row("configs", List(&MOUNT, Unique::Mount(""))),
    row("container_name", Text),
    row("credential_spec", Table(&[row("config", Text), row("file", Text), row("registry", Text)])),
    row("depends_on", Short(ShortForm::DependsOn, &DEPENDENCIES)),
    row("deploy", DEPLOY),
    row("device_cgroup_rules", LIST),
    row("devices", List(&DEVICE, Unique::By("target"))),
    row("dns", SET),
    row("dns_opt", SET),
    row("dns_search", SET),
    row("domainname", Text),
    in_json("entrypoint", Words),
    row("provider", Table(&[row("type", Text), row("options", Map(&LIST))])),
    row("environment", Pairs(Bare::Shell)),
    row("env_file", Short(ShortForm::EnvFiles, &ENV_FILES)),
    row("expose", SET),
    row("extends", Short(ShortForm::Key("service"), &EXTENDS)),
    row("external_links", LIST),
    row("extra_hosts", Hosts),
    row("group_add", LIST),
    row("gpus", Short(ShortForm::Gpus, &DEVICE_REQUESTS)),
    row("hostname", Text),
    row("healthcheck", HEALTHCHECK),
    row("image", Text),
    said("init", Bool),
    row("ipc", Text),
    row("isolation", Text),
    row("labels", LABELS),
    row("label_file", Short(ShortForm::One, &List(&Path, Unique::No))),
    row("links", SET),
    row("logging", Table(&[row("driver", Text), row("options", OPTIONS)])),
    row("mem_limit", Size),
    row("mem_reservation", Size),
    row("memswap_limit", Size),
    row("mem_swappiness", Size),
    row("mac_address", Text),
    row("models", Short(ShortForm::Names, &Map(&SERVICE_MODEL))),
    row("network_mode", Text),
    row("networks", Short(ShortForm::Names, &Map(&SERVICE_NETWORK))),
    row("oom_kill_disable", Bool),
    row("oom_score_adj", Int),
    row("pid", Text),
    row("pids_limit", Int),
    row("platform", Text),
    row("ports", Short(ShortForm::Ports, &List(&PORT, Unique::Port))),
    row("privileged", Bool),
    row("pull_policy", Text),
    row("pull_refresh_after", Text),
    row("read_only", Bool),
    row("restart", Text),
    row("runtime", Text),
    said("scale", Int),
    row("secrets", List(&MOUNT, Unique::Mount("/run/secrets"))),
    row("security_opt", LIST),
    row("shm_size", Size),
    row("stdin_open", Bool),
    said("stop_grace_period", Span),
    row("stop_signal", Text),
    row("storage_opt", OPTIONS),
    row("sysctls", Pairs(Bare::Empty)),
    row("tmpfs", SET),
    row("tty", Bool),
    row("ulimits", Map(&ULIMIT)),
    row("use_api_socket", Bool),
    row("user", Text),
    row("userns_mode", Text),
    row("uts", Text),
    row("volumes", List(&VOLUME, Unique::By("target"))),
    row("volumes_from", LIST),
    row("working_dir", Text),
    row("pre_start", List(&HOOK, Unique::No)),
    row("post_start", List(&HOOK, Unique::No)),
    row("pre_stop", List(&HOOK, Unique::No)),
];

const BUILD: Kind = Table(&[
    row("context", Source),
    row("dockerfile", Text),
    row("dockerfile_inline", Text),
    row("entitlements", LIST),
    row("args", Pairs(Bare::ShellOrNothing)),
    row("provenance", Text),
    row("sbom", Text),
    row("ssh", Short(ShortForm::Ssh, &LIST)),
    row("labels", LABELS),
    row("cache_from", LIST),
    row("cache_to", LIST),
    row("no_cache", Bool),
    row("additional_contexts", Short(ShortForm::Names, &Map(&Source))),
    row("pull", Bool),
    row("extra_hosts", Hosts),
    row("isolation", Text),
    row("network", Text),
    row("target", Text),
    row("secrets", List(&MOUNT, Unique::No)),
    row("shm_size", Size),
    row("tags", SET),
    row("ulimits", Map(&ULIMIT)),
    row("platforms", LIST),
    row("privileged", Bool),
]);

const WATCH: Kind = Table(&[
    always("path", Path),
    always("action", Text),
    row("target", Text),
    in_json("exec", Table(HOOK_ROWS)),
    row("include", LIST),
    row("ignore", LIST),
    row("initial_sync", Bool),
]);

const HOOK_ROWS: &[KeyRow] = &[
    in_json("command", Words),
    row("image", Text),
    row("per_replica", Bool),
    row("user", Text),
    row("privileged", Bool),
    row("working_dir", Text),
    row("environment", Pairs(Bare::Shell)),
];
const HOOK: Kind = Table(HOOK_ROWS);

const RATE: Kind = Table(&[capital("path", Text), capital("rate", Size)]);
const WEIGHT: Kind = Table(&[capital("path", Text), capital("weight", Int)]);
const BLKIO: Kind = Table(&[
    row("weight", Int),
    row("weight_device", List(&WEIGHT, Unique::No)),
    row("device_read_bps", List(&RATE, Unique::No)),
    row("device_read_iops", List(&RATE, Unique::No)),
    row("device_write_bps", List(&RATE, Unique::No)),
    row("device_write_iops", List(&RATE, Unique::No)),
]);

const MOUNT: Kind = Short(
    ShortForm::Key("source"),
    &Table(&[
        row("source", Text),
        row("target", Text),
        row("uid", Text),
        row("gid", Text),
        said("mode", Mode),
    ]),
);

const DEPENDENCIES: Kind =
    Map(&Table(&[row("condition", Text), row("restart", Bool), said("required", Bool)]));

const UPDATE: Kind = Table(&[
    said("parallelism", Int),
    row("delay", Span),
    row("failure_action", Text),
    row("monitor", Span),
    row("max_failure_ratio", Float),
    row("order", Text),
]);

const DEVICE_REQUESTS: Kind = List(
    &Table(&[
        row("capabilities", LIST),
        row("driver", Text),
        row("count", Int),
        row("device_ids", LIST),
        row("options", Pairs(Bare::Empty)),
    ]),
    Unique::No,
);

const RESOURCE: Kind = Table(&[
    row("cpus", Float),
    row("memory", Size),
    row("pids", Int),
    row("devices", DEVICE_REQUESTS),
    row(
        "generic_resources",
        List(
            &Table(&[row(
                "discrete_resource_spec",
                Table(&[always("kind", Text), said("value", Int)]),
            )]),
            Unique::No,
        ),
    ),
]);

const DEPLOY: Kind = Table(&[
    row("mode", Text),
    said("replicas", Int),
    row("labels", LABELS),
    row("update_config", UPDATE),
    row("rollback_config", UPDATE),
    always("resources", Table(&[row("limits", RESOURCE), row("reservations", RESOURCE)])),
    row(
        "restart_policy",
        Table(&[
            row("condition", Text),
            said("delay", Span),
            said("max_attempts", Int),
            said("window", Span),
        ]),
    ),
    always(
        "placement",
        Table(&[
            row("constraints", LIST),
            row("preferences", List(&Table(&[row("spread", Text)]), Unique::No)),
            row("max_replicas_per_node", Int),
        ]),
    ),
    row("endpoint_mode", Text),
]);

const DEVICE: Kind = Short(
    ShortForm::Device,
    &Table(&[row("source", Text), row("target", Text), row("permissions", Text)]),
);

const ENV_FILES: Kind = List(
    &Short(
        ShortForm::Key("path"),
        &Table(&[row("path", Path), said("required", Bool), row("format", Text)]),
    ),
    Unique::By("path"),
);

const EXTENDS: Kind = Table(&[row("file", Text), row("service", Text)]);

const HEALTHCHECK: Kind = Table(&[
    row("test", Test),
    said("timeout", Span),
    said("interval", Span),
    said("retries", Int),
    said("start_period", Span),
    said("start_interval", Span),
    row("disable", Bool),
]);

const SERVICE_MODEL: Kind = Table(&[row("endpoint_var", Text), row("model_var", Text)]);

const SERVICE_NETWORK: Kind = Table(&[
    row("aliases", SET),
    row("driver_opts", OPTIONS),
    row("gw_priority", Int),
    row("interface_name", Text),
    row("ipv4_address", Text),
    row("ipv6_address", Text),
    row("link_local_ips", SET),
    row("mac_address", Text),
    row("priority", Int),
]);

const PORT: Kind = Table(&[
    row("name", Text),
    row("mode", Text),
    row("host_ip", Text),
    row("target", Int),
    row("published", Text),
    row("protocol", Text),
    row("app_protocol", Text),
]);

/// A limit is a number, or `{ soft, hard }`.
const ULIMIT: Kind = Short(
    ShortForm::Key("single"),
    &Table(&[row("single", Int), said("soft", Int), said("hard", Int)]),
);

const VOLUME: Kind = Short(
    ShortForm::Volume,
    &Table(&[
        row("type", Text),
        row("source", Text),
        row("target", Text),
        row("read_only", Bool),
        row("consistency", Text),
        said(
            "bind",
            Table(&[
                row("selinux", Text),
                row("propagation", Text),
                row("create_host_path", Bool),
                row("recursive", Text),
            ]),
        ),
        said(
            "volume",
            Table(&[row("labels", Pairs(Bare::Empty)), row("nocopy", Bool), row("subpath", Text)]),
        ),
        said("tmpfs", Table(&[row("size", Size), row("mode", Int)])),
        said("image", Table(&[row("subpath", Text)])),
    ]),
);
