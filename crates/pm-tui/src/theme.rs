//! Colours by what they mean. Each theme must be readable; `mono` says everything without colour.

use ratatui::style::{Color, Style};

use pm_protocol::{Row, Status};

/// Which colours people want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeChoice {
    /// For dark terminals; uses the terminal's own sixteen colours.
    #[default]
    Dark,
    /// For light terminals.
    Light,
    /// Bright on black, nothing dimmed.
    HighContrast,
    /// No colour at all (`NO_COLOR`).
    Mono,
}

/// Each with its name, in the order a key goes through them.
const THEMES: [(ThemeChoice, &str); 4] = [
    (ThemeChoice::Dark, "default"),
    (ThemeChoice::Light, "light"),
    (ThemeChoice::HighContrast, "high-contrast"),
    (ThemeChoice::Mono, "mono"),
];

impl ThemeChoice {
    /// Reads `default`, `dark`, `light`, `high-contrast` or `mono`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = if text == "dark" { "default" } else { text };
        THEMES.iter().find(|(_, known)| *known == name).map(|(choice, _)| *choice)
    }

    /// Its name, as [`parse`](Self::parse) reads it.
    pub fn name(self) -> &'static str {
        THEMES[self as usize].1
    }

    pub(crate) fn next(self) -> Self {
        THEMES[(self as usize + 1) % THEMES.len()].0
    }

    /// One style per meaning: a row says what it is in each theme.
    pub(crate) fn theme(self) -> Theme {
        let one = |dark, light, contrast, mono| match self {
            Self::Dark => dark,
            Self::Light => light,
            Self::HighContrast => contrast,
            Self::Mono => mono,
        };
        let (plain, white) = (Style::new(), fg(Color::White));
        let (yellow, red) = (bold(Color::LightYellow), bold(Color::LightRed));
        let bright_on = |ground| on(ground, Color::Black);
        let [grey, dark_grey, light_grey] = [245, 241, 250].map(|at| fg(Color::Indexed(at)));
        let [blue, brown, green, purple, crimson] = [25, 130, 28, 90, 160].map(Color::Indexed);
        let ground = |at, text| on(Color::Indexed(at), Color::Indexed(text));
        let away = |at| plain.bg(Color::Indexed(at));
        let bright = bright_on(Color::LightYellow).bold();
        Theme {
            text: one(plain, plain, white, plain),
            dim: one(grey, dark_grey, white, plain.dim()),
            rule: one(fg(Color::Indexed(239)), light_grey, white, plain.dim()),
            title: one(light_grey, fg(Color::Indexed(238)), white.bold(), plain),
            focus: one(
                bold(Color::Cyan),
                bold(blue),
                bright_on(Color::White).bold(),
                plain.bold().underlined(),
            ),
            key: one(fg(Color::Cyan), fg(blue), yellow, plain.bold()),
            cursor: one(ground(24, 255), ground(153, 16), bright, plain.reversed()),
            cursor_away: one(away(236), away(254), plain.reversed(), plain.underlined()),
            mark: one(bold(Color::Yellow), bold(brown), yellow, plain.bold()),
            good: one(fg(Color::Green), fg(green), bold(Color::LightGreen), plain),
            passing: one(fg(Color::Yellow), fg(brown), yellow, plain),
            quiet: one(grey, dark_grey, white, plain.dim()),
            bad: one(fg(Color::LightRed), fg(crimson), red, plain.bold()),
            error_output: one(fg(Color::Red), fg(crimson), red, plain.bold()),
            hit: one(
                ground(58, 255),
                ground(229, 16),
                bright_on(Color::LightCyan),
                plain.underlined(),
            ),
            hit_here: one(bright_on(Color::Yellow), ground(214, 16), bright, plain.reversed()),
            cpu: one(fg(Color::Cyan), fg(blue), fg(Color::LightCyan), plain),
            memory: one(fg(Color::Magenta), fg(purple), fg(Color::LightMagenta), plain),
            names: self.names(),
            app_colours: self != Self::Mono,
        }
    }

    /// Colours of apps beside each other.
    fn names(self) -> [Style; 6] {
        use Color::{
            Blue, Cyan, Green, LightBlue, LightCyan, LightGreen, LightMagenta, LightRed,
            LightYellow, Magenta, White, Yellow,
        };
        match self {
            Self::Dark => [Cyan, Yellow, Green, Magenta, Blue, LightRed].map(fg),
            Self::Light => [25, 130, 28, 90, 24, 124].map(|at| fg(Color::Indexed(at))),
            Self::HighContrast => {
                [LightCyan, LightYellow, LightGreen, LightMagenta, LightBlue, White].map(fg)
            }
            Self::Mono => [Style::new(); 6],
        }
    }
}

/// One style per meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    pub(crate) text: Style,
    /// Of lesser weight: labels, units, hints.
    pub(crate) dim: Style,
    /// Lines between panes.
    pub(crate) rule: Style,
    pub(crate) title: Style,
    /// The title of the pane that has the keys.
    pub(crate) focus: Style,
    /// What a key is written in.
    pub(crate) key: Style,
    /// Laid over the line under the cursor.
    pub(crate) cursor: Style,
    /// The same while another pane has the keys.
    pub(crate) cursor_away: Style,
    pub(crate) mark: Style,
    pub(crate) good: Style,
    pub(crate) passing: Style,
    pub(crate) quiet: Style,
    pub(crate) bad: Style,
    pub(crate) error_output: Style,
    pub(crate) hit: Style,
    pub(crate) hit_here: Style,
    pub(crate) cpu: Style,
    pub(crate) memory: Style,
    /// Names of apps where lines of several stand together.
    pub(crate) names: [Style; 6],
    /// Whether colours that apps print are shown.
    pub(crate) app_colours: bool,
}

fn fg(colour: Color) -> Style {
    Style::new().fg(colour)
}

fn bold(colour: Color) -> Style {
    fg(colour).bold()
}

fn on(ground: Color, colour: Color) -> Style {
    fg(colour).bg(ground)
}

impl Theme {
    /// How an instance is. A job that waits is well, unless its last run failed.
    pub(crate) fn row(&self, row: &Row) -> Style {
        match row.standing() {
            "scheduled" => self.text,
            "failed" | "unhealthy" => self.bad,
            _ => self.status(row.status),
        }
    }

    pub(crate) fn status(&self, status: Status) -> Style {
        match status {
            Status::Online => self.good,
            Status::Launching | Status::Stopping | Status::WaitingRestart => self.passing,
            Status::Stopped => self.quiet,
            Status::Errored => self.bad,
        }
    }

    /// How full something is: good, worth a look, alarming.
    pub(crate) fn load(&self, percent: f32) -> Style {
        match percent {
            ..70.0 => self.good,
            70.0..90.0 => self.passing,
            _ => self.bad,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn themes_go_round_and_are_read_by_name() {
        let mut choice = ThemeChoice::default();
        for _ in 0..4 {
            assert_eq!(ThemeChoice::parse(choice.name()), Some(choice));
            choice = choice.next();
        }
        assert_eq!(choice, ThemeChoice::default());
        assert_eq!(ThemeChoice::parse("pink"), None);
    }

    #[test]
    fn mono_has_no_colour() {
        let debug = format!("{:?}", ThemeChoice::Mono.theme());
        assert!(!debug.contains("Color"), "{debug}");
        let mono = ThemeChoice::Mono.theme();
        let styles = [mono.text, mono.focus, mono.cursor, mono.hit, mono.bad, mono.dim];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
    }
}
