//! Colours by what they mean. Each theme must be readable; `mono` says everything without colour.

use ratatui::style::{Color, Modifier, Style};

use pm_protocol::Status;

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

impl ThemeChoice {
    /// Reads `default`, `dark`, `light`, `high-contrast` or `mono`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "default" | "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            "high-contrast" => Some(Self::HighContrast),
            "mono" => Some(Self::Mono),
            _ => None,
        }
    }

    /// Its name, as [`parse`](Self::parse) reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "default",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }

    pub(crate) fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::HighContrast,
            Self::HighContrast => Self::Mono,
            Self::Mono => Self::Dark,
        }
    }

    pub(crate) fn theme(self) -> Theme {
        match self {
            Self::Dark => Theme::dark(),
            Self::Light => Theme::light(),
            Self::HighContrast => Theme::high_contrast(),
            Self::Mono => Theme::mono(),
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

impl Theme {
    fn dark() -> Self {
        let bold = Modifier::BOLD;
        Self {
            text: Style::new(),
            dim: fg(Color::Indexed(245)),
            rule: fg(Color::Indexed(239)),
            title: fg(Color::Indexed(250)),
            focus: fg(Color::Cyan).add_modifier(bold),
            key: fg(Color::Cyan),
            cursor: Style::new().bg(Color::Indexed(24)).fg(Color::Indexed(255)),
            cursor_away: Style::new().bg(Color::Indexed(236)),
            mark: fg(Color::Yellow).add_modifier(bold),
            good: fg(Color::Green),
            passing: fg(Color::Yellow),
            quiet: fg(Color::Indexed(245)),
            bad: fg(Color::LightRed),
            error_output: fg(Color::Red),
            hit: Style::new().bg(Color::Indexed(58)).fg(Color::Indexed(255)),
            hit_here: Style::new().bg(Color::Yellow).fg(Color::Black),
            cpu: fg(Color::Cyan),
            memory: fg(Color::Magenta),
            names: [
                fg(Color::Cyan),
                fg(Color::Yellow),
                fg(Color::Green),
                fg(Color::Magenta),
                fg(Color::Blue),
                fg(Color::LightRed),
            ],
            app_colours: true,
        }
    }

    fn light() -> Self {
        let bold = Modifier::BOLD;
        Self {
            dim: fg(Color::Indexed(241)),
            rule: fg(Color::Indexed(250)),
            title: fg(Color::Indexed(238)),
            focus: fg(Color::Indexed(25)).add_modifier(bold),
            key: fg(Color::Indexed(25)),
            cursor: Style::new().bg(Color::Indexed(153)).fg(Color::Indexed(16)),
            cursor_away: Style::new().bg(Color::Indexed(254)),
            mark: fg(Color::Indexed(130)).add_modifier(bold),
            good: fg(Color::Indexed(28)),
            passing: fg(Color::Indexed(130)),
            quiet: fg(Color::Indexed(241)),
            bad: fg(Color::Indexed(160)),
            error_output: fg(Color::Indexed(160)),
            hit: Style::new().bg(Color::Indexed(229)).fg(Color::Indexed(16)),
            hit_here: Style::new().bg(Color::Indexed(214)).fg(Color::Indexed(16)),
            cpu: fg(Color::Indexed(25)),
            memory: fg(Color::Indexed(90)),
            names: [25, 130, 28, 90, 24, 124].map(|index| fg(Color::Indexed(index))),
            ..Self::dark()
        }
    }

    fn high_contrast() -> Self {
        let bold = Modifier::BOLD;
        let white = fg(Color::White);
        Self {
            text: white,
            dim: white,
            rule: white,
            title: white.add_modifier(bold),
            focus: Style::new().bg(Color::White).fg(Color::Black).add_modifier(bold),
            key: fg(Color::LightYellow).add_modifier(bold),
            cursor: Style::new().bg(Color::LightYellow).fg(Color::Black).add_modifier(bold),
            cursor_away: Style::new().add_modifier(Modifier::REVERSED),
            mark: fg(Color::LightYellow).add_modifier(bold),
            good: fg(Color::LightGreen).add_modifier(bold),
            passing: fg(Color::LightYellow).add_modifier(bold),
            quiet: white,
            bad: fg(Color::LightRed).add_modifier(bold),
            error_output: fg(Color::LightRed).add_modifier(bold),
            hit: Style::new().bg(Color::LightCyan).fg(Color::Black),
            hit_here: Style::new().bg(Color::LightYellow).fg(Color::Black).add_modifier(bold),
            cpu: fg(Color::LightCyan),
            memory: fg(Color::LightMagenta),
            names: [
                fg(Color::LightCyan),
                fg(Color::LightYellow),
                fg(Color::LightGreen),
                fg(Color::LightMagenta),
                fg(Color::LightBlue),
                fg(Color::White),
            ],
            app_colours: true,
        }
    }

    fn mono() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let reversed = plain.add_modifier(Modifier::REVERSED);
        let dim = plain.add_modifier(Modifier::DIM);
        Self {
            text: plain,
            dim,
            rule: dim,
            title: plain,
            focus: bold.add_modifier(Modifier::UNDERLINED),
            key: bold,
            cursor: reversed,
            cursor_away: plain.add_modifier(Modifier::UNDERLINED),
            mark: bold,
            good: plain,
            passing: plain,
            quiet: dim,
            bad: bold,
            error_output: bold,
            hit: plain.add_modifier(Modifier::UNDERLINED),
            hit_here: reversed,
            cpu: plain,
            memory: plain,
            names: [plain; 6],
            app_colours: false,
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
        let debug = format!("{:?}", Theme::mono());
        assert!(!debug.contains("Color"), "{debug}");
        let mono = Theme::mono();
        let styles = [mono.text, mono.focus, mono.cursor, mono.hit, mono.bad, mono.dim];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
    }
}
