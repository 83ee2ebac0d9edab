//! Ports in files that are no code: `.env`, Dockerfile, settings of servers.

use crate::proposal::{Evidence, PortClaim};
use crate::terrain::{Terrain, joined};

/// A port that such a file of a folder names.
pub(crate) fn port(terrain: &Terrain, folder: &str) -> Option<PortClaim> {
    let find = |name: &str, part: fn(&str) -> Option<&str>| {
        let path = joined(folder, name);
        let text = terrain.has(&path).then(|| terrain.read(&path).ok())??;
        let found = text.lines().enumerate().find_map(|(at, line)| {
            let number = part(line.trim())?.trim_matches(['"', '\'', ' ']).parse().ok()?;
            Some((number, at + 1, line.trim().to_owned()))
        });
        let (number, line, words) = found.filter(|(number, ..)| *number > 0)?;
        Some(PortClaim {
            number,
            evidence: Some(Evidence::new(&path, line, words)),
            is_fixed: false,
        })
    };
    find("gunicorn.conf.py", |line| {
        let (_, place) =
            line.strip_prefix("bind")?.trim_start().strip_prefix('=')?.rsplit_once(':')?;
        Some(place)
    })
    .or_else(|| find(".env", |line| line.strip_prefix("PORT=")))
    .or_else(|| {
        find(".streamlit/config.toml", |line| {
            line.strip_prefix("port")?.trim_start().strip_prefix('=')
        })
    })
    .or_else(|| {
        find("Dockerfile", |line| {
            line.strip_prefix("EXPOSE ")?.split([' ', '/']).find(|it| !it.is_empty())
        })
    })
}
