//! PM2's modules: npm packages that the daemon runs. Here the work of some is built in.

use pm_spec::{Bytes, Rotation};

use crate::error::Pm2Error;
use crate::settings::{SettingKey, Settings, plain};

/// PM2's module for log rotation, whose settings steer ours.
pub const LOGROTATE: &str = "pm2-logrotate";

/// Settings of it that mean nothing here, and why.
const IDLE: [(&str, &str); 6] = [
    ("rotateInterval", "a file is rotated when it has its size, at no other time"),
    ("workerInterval", "sizes are known without looking"),
    ("rotateModule", "there are no modules"),
    ("dateFormat", "rotated files are numbered"),
    ("TZ", "rotated files are numbered"),
    ("forced", "a file is rotated when it has its size"),
];

/// Modules of PM2 whose work is done here, and by what.
const BUILT_IN: [(&str, &str); 4] = [
    (
        LOGROTATE,
        "log rotation is built in and on: 10 MiB a file, ten kept, compressed; `pm set pm2-logrotate:max_size 1M`, \
         `retain` and `compress` change that for all, the keys log_max_size, log_keep and log_compress for one app",
    ),
    ("pm2-server-monit", "figures of the machine are built in: `pm monit`, `pm slist`"),
    ("pm2-auto-pull", "`pm pull NAME` fetches and reloads; a cron_restart job can call it"),
    ("pm2-web", "`pm monit` shows and steers the apps"),
];

/// What does the work of a module that somebody wants to have installed.
pub fn instead(words: &[String]) -> Result<String, Pm2Error> {
    let module = words.iter().find(|word| !word.starts_with('-')).map_or("", String::as_str);
    // A version may follow: pm2-logrotate@2.7.0.
    let name = module.split('@').next().unwrap_or(module);
    let known = BUILT_IN.iter().find(|(known, _)| *known == name);
    if let Some((_, instead)) = known {
        return Ok(format!("{name}: {instead}"));
    }
    let message = match module {
        "" => "could not install a module: npm modules are not part of pm".into(),
        module => format!("could not install {module}: npm modules are not part of pm"),
    };
    let hint = if name.contains("prometheus") || name.contains("metrics") {
        "`pm jlist` and `pm slist` give the figures as JSON for an exporter of your own"
    } else {
        "start it as an app: `npm install` it, then `pm start` its script"
    };
    Err(Pm2Error::failed(message).hint(hint))
}

/// What is said where a module is to be removed that never was here.
pub fn gone(words: &[String]) -> Result<String, Pm2Error> {
    let module = words.first().map_or("no module", String::as_str);
    if BUILT_IN.iter().any(|(known, _)| *known == module) {
        return Ok(format!("{module} is not installed; what is built in stays"));
    }
    let message = format!("could not uninstall {module}: npm modules are not part of pm");
    Err(Pm2Error::failed(message).hint("an app is removed by `pm delete NAME`"))
}

/// What the settings of pm2-logrotate ask of the rotation; what they don't name is as usual.
pub fn rotation(book: &Settings) -> Result<Rotation, Pm2Error> {
    let mut rotation = Rotation::default();
    let setting = |name: &str| book.get(&SettingKey::of_app(LOGROTATE))?.get(name).map(plain);
    let bad = |name: &str, value: &str, wanted: &str| {
        Pm2Error::input(format!("could not use {LOGROTATE}:{name} {value}")).hint(wanted)
    };
    if let Some(text) = setting("max_size") {
        let size =
            Bytes::parse(&text).map_err(|_| bad("max_size", &text, "write 10M, 1G or 500K"))?;
        rotation.max_size = Some(size).filter(|size| size.get() > 0);
    }
    if let Some(text) = setting("retain") {
        let count = if text == "all" { Ok(u32::MAX) } else { text.parse() };
        let count = count.ok().filter(|count| *count > 0);
        rotation.keep =
            count.ok_or_else(|| bad("retain", &text, "write a number from 1 on, or all"))?;
    }
    if let Some(text) = setting("compress") {
        rotation.compress =
            text.parse().map_err(|_| bad("compress", &text, "write true or false"))?;
    }
    Ok(rotation)
}

/// Why a setting of pm2-logrotate has no effect, if it has none.
pub fn idle(key: &SettingKey) -> Option<&'static str> {
    let own =
        |name: &str| SettingKey::parse(&format!("{LOGROTATE}:{name}")).is_ok_and(|it| it == *key);
    IDLE.iter().find(|(name, _)| own(name)).map(|(_, why)| *why)
}

/// Takes over what the settings ask, where an app has the rotation of the settings before or the usual one.
pub fn steer(own: &mut Rotation, before: &Rotation, wish: &Rotation) {
    let usual = Rotation::default();
    if own.max_size == before.max_size || own.max_size == usual.max_size {
        own.max_size = wish.max_size;
    }
    if own.keep == before.keep || own.keep == usual.keep {
        own.keep = wish.keep;
    }
    if own.compress == before.compress || own.compress == usual.compress {
        own.compress = wish.compress;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_pm2s_rotation_steer_ours() {
        let set = |pairs: &[(&str, &str)]| {
            let mut book = Settings::default();
            for (name, value) in pairs {
                book.set(&SettingKey::parse(&format!("{LOGROTATE}:{name}")).unwrap(), value);
            }
            rotation(&book)
        };
        assert_eq!(set(&[]).unwrap(), Rotation::default());
        let wish = set(&[("max_size", "1M"), ("retain", "3"), ("compress", "false")]).unwrap();
        assert_eq!(
            wish,
            Rotation { max_size: Some(Bytes::new(1 << 20)), keep: 3, compress: false }
        );
        assert_eq!(set(&[("retain", "all")]).unwrap().keep, u32::MAX);
        for bad in [("retain", "0"), ("retain", "x"), ("max_size", "big"), ("compress", "maybe")] {
            assert!(set(&[bad]).unwrap_err().is_input, "{bad:?}");
        }
        // What an app says itself stays.
        let mut own = Rotation { keep: 7, ..Rotation::default() };
        steer(&mut own, &Rotation::default(), &wish);
        assert_eq!(own, Rotation { keep: 7, ..wish });
        assert!(idle(&SettingKey::parse("pm2-logrotate:rotateInterval").unwrap()).is_some());
        assert!(idle(&SettingKey::parse("pm2-logrotate:retain").unwrap()).is_none());
    }

    #[test]
    fn modules_whose_work_is_built_in_are_there_already() {
        let told = |line: &str| instead(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for line in ["pm2-logrotate", "pm2-logrotate@2.7.0", "--safe pm2-server-monit"] {
            assert!(told(line).unwrap().contains("built in"), "{line}");
        }
        let refused = told("pm2-prometheus-exporter").unwrap_err();
        assert!(refused.hint.unwrap().contains("jlist"));
        assert!(!told("left-pad").unwrap_err().is_input);
        assert!(gone(&["pm2-logrotate".into()]).is_ok() && gone(&["left-pad".into()]).is_err());
    }
}
