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

fn bold(colour: Color) -> Style {
    fg(colour).add_modifier(Modifier::BOLD)
}

fn on(ground: Color, colour: Color) -> Style {
    fg(colour).bg(ground)
}

impl Theme {
    fn dark() -> Self {
        let (grey, yellow, blue) = (Color::Indexed(245), Color::Yellow, Color::Blue);
        Self {
            text: Style::new(),
            dim: fg(grey),
            rule: fg(Color::Indexed(239)),
            title: fg(Color::Indexed(250)),
            focus: bold(Color::Cyan),
            key: fg(Color::Cyan),
            cursor: on(Color::Indexed(24), Color::Indexed(255)),
            cursor_away: Style::new().bg(Color::Indexed(236)),
            mark: bold(yellow),
            good: fg(Color::Green),
            passing: fg(yellow),
            quiet: fg(grey),
            bad: fg(Color::LightRed),
            error_output: fg(Color::Red),
            hit: on(Color::Indexed(58), Color::Indexed(255)),
            hit_here: on(yellow, Color::Black),
            cpu: fg(Color::Cyan),
            memory: fg(Color::Magenta),
            names: [Color::Cyan, yellow, Color::Green, Color::Magenta, blue, Color::LightRed]
                .map(fg),
            app_colours: true,
        }
    }

    fn light() -> Self {
        let [blue, brown, green, purple, red] = [25, 130, 28, 90, 160].map(Color::Indexed);
        let (grey, black) = (Color::Indexed(241), Color::Indexed(16));
        Self {
            dim: fg(grey),
            rule: fg(Color::Indexed(250)),
            title: fg(Color::Indexed(238)),
            focus: bold(blue),
            key: fg(blue),
            cursor: on(Color::Indexed(153), black),
            cursor_away: Style::new().bg(Color::Indexed(254)),
            mark: bold(brown),
            good: fg(green),
            passing: fg(brown),
            quiet: fg(grey),
            bad: fg(red),
            error_output: fg(red),
            hit: on(Color::Indexed(229), black),
            hit_here: on(Color::Indexed(214), black),
            cpu: fg(blue),
            memory: fg(purple),
            names: [25, 130, 28, 90, 24, 124].map(|index| fg(Color::Indexed(index))),
            ..Self::dark()
        }
    }

    fn high_contrast() -> Self {
        let (white, yellow, red) =
            (fg(Color::White), bold(Color::LightYellow), bold(Color::LightRed));
        let (cyan, green, magenta) = (Color::LightCyan, Color::LightGreen, Color::LightMagenta);
        let bright_on = |ground| on(ground, Color::Black);
        Self {
            text: white,
            dim: white,
            rule: white,
            title: bold(Color::White),
            focus: bright_on(Color::White).add_modifier(Modifier::BOLD),
            key: yellow,
            cursor: bright_on(Color::LightYellow).add_modifier(Modifier::BOLD),
            cursor_away: Style::new().add_modifier(Modifier::REVERSED),
            mark: yellow,
            good: bold(green),
            passing: yellow,
            quiet: white,
            bad: red,
            error_output: red,
            hit: bright_on(cyan),
            hit_here: bright_on(Color::LightYellow).add_modifier(Modifier::BOLD),
            cpu: fg(cyan),
            memory: fg(magenta),
            names: [cyan, Color::LightYellow, green, magenta, Color::LightBlue, Color::White]
                .map(fg),
            app_colours: true,
        }
    }

    fn mono() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let reversed = plain.add_modifier(Modifier::REVERSED);
        let underlined = plain.add_modifier(Modifier::UNDERLINED);
        let dim = plain.add_modifier(Modifier::DIM);
        Self {
            text: plain,
            dim,
            rule: dim,
            title: plain,
            focus: bold.add_modifier(Modifier::UNDERLINED),
            key: bold,
            cursor: reversed,
            cursor_away: underlined,
            mark: bold,
            good: plain,
            passing: plain,
            quiet: dim,
            bad: bold,
            error_output: bold,
            hit: underlined,
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
