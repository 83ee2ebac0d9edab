//! A property list for launchd.

use super::quote::xml;
use super::{FOREGROUND, MARK, Unit};

/// The list.
pub(super) fn list(unit: &Unit) -> String {
    let text = |text: &str| format!("<string>{}</string>", xml(text));
    let service = text(&unit.service);
    let user = text(&unit.user);
    let home = text(&unit.home.to_string_lossy());
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
		<key>PM_HOME</key>
		{home}
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
