//! A property list for launchd.

use std::path::PathBuf;

use super::quote::xml;
use super::{FOREGROUND, MARK, Unit};

/// The list.
pub(super) fn list(unit: &Unit) -> String {
    let text = |text: &str| format!("<string>{}</string>", xml(text));
    let service = text(&unit.service);
    let user = text(&unit.user);
    let entry = |(name, path): &(&str, PathBuf)| {
        format!("\t\t<key>{name}</key>\n\t\t{}", text(&path.to_string_lossy()))
    };
    let variables = unit.variables.iter().map(entry).collect::<Vec<_>>().join("\n");
    let program = unit.program.to_string_lossy();
    let words = std::iter::once(&*program).chain(FOREGROUND.split(' '));
    let words: Vec<_> = words.map(|word| format!("\t\t{}", text(word))).collect();
    let words = words.join("\n");
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- {MARK} -->
<plist version="1.0">
<dict>
	<key>Label</key>
	{service}
	<key>UserName</key>
	{user}
	<key>ProgramArguments</key>
	<array>
{words}
	</array>
	<key>EnvironmentVariables</key>
	<dict>
{variables}
	</dict>
	<key>RunAtLoad</key>
	<true/>
	<!-- Exit code 0 means that somebody said `pm kill`. -->
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>AbandonProcessGroup</key>
	<true/>
	<key>ExitTimeOut</key>
	<integer>300</integer>
</dict>
</plist>
"#
    )
}
