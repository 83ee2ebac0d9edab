//! Cron's short words.

/// `@daily` in five fields; anything else as it stands.
pub(crate) fn long(pattern: &str) -> &str {
    match pattern.trim().to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => pattern.trim(),
    }
}
