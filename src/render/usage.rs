//! What apps used over a time, for people: the least, the mean and the most of each figure, and how it went.

use serde::Serialize;

use crate::console::Look;
use crate::render::text::{self, Paint, safe_text};

/// Columns of the small chart.
const WIDTH: usize = 60;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Figures of one instance.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct InstanceUsage {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) slot: u16,
    /// When the first step begins, in ms since 1970.
    pub(crate) begin: u64,
    /// Of a step, in ms.
    pub(crate) step: u64,
    /// The least, the mean and the most of each step, in per cent of one core; `None`: nobody looked.
    pub(crate) cpu: Vec<Option<[f64; 3]>>,
    /// The same in bytes.
    pub(crate) memory: Vec<Option<[u64; 3]>>,
    /// When, in ms since 1970, and how often it was started again.
    pub(crate) restarts: Vec<(u64, u16)>,
}

/// A page for all of them.
pub(crate) fn page(all: &[InstanceUsage], look: Look) -> String {
    all.iter().map(|one| instance(one, look)).collect()
}

fn instance(one: &InstanceUsage, look: Look) -> String {
    let moment = text::moment(one.begin);
    let since = moment.get(..16).unwrap_or(&moment);
    let head = format!(
        "\n{} ({}) since {since}, a step is {}",
        safe_text(&one.name),
        one.id,
        text::millis(one.step)
    );
    let mut page = text::fitted(&head, look) + "\n";
    #[expect(clippy::cast_precision_loss, reason = "a small chart")]
    let memory = one.memory.iter().map(|it| it.map(|it| it.map(|bytes| bytes as f64)));
    let memory: Vec<_> = memory.collect();
    page += &figure("cpu", &one.cpu, |value| format!("{value:.1}%"), look);
    page += &figure("memory", &memory, bytes, look);
    let restarts: u32 = one.restarts.iter().map(|(_, count)| u32::from(*count)).sum();
    if restarts > 0 {
        let last = one.restarts.last().map_or(String::new(), |(at, _)| text::moment(*at));
        let last = last.get(..16).unwrap_or_default();
        page += "  restarts ";
        page.extend([&restarts.to_string(), ", the last about ", last, "\n"]);
    }
    page
}

fn figure(
    name: &str,
    steps: &[Option<[f64; 3]>],
    show: impl Fn(f64) -> String,
    look: Look,
) -> String {
    let known = || steps.iter().flatten();
    let count = known().count();
    if count == 0 {
        return format!("  {name:<8} nobody looked\n");
    }
    let least = known().map(|it| it[0]).fold(f64::INFINITY, f64::min);
    let most = known().map(|it| it[2]).fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
    let mean = known().map(|it| it[1]).sum::<f64>() / count as f64;
    let figures = [least, mean, most].map(show);
    let [least, mean, shown] = &figures;
    let words = format!("  {name:<8} least {least:>7}  mean {mean:>7}  most {shown:>7}  ");
    let room =
        look.width.map_or(WIDTH, |width| width.saturating_sub(text::width(&words)).min(WIDTH));
    let chart = if room < 8 { String::new() } else { chart(steps, most, room) };
    format!("{words}{}\n", Paint::Dim.on(&chart, look.colour))
}

/// A bar for the most of each part of the time; blank where nobody looked.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "one of eight bars"
)]
fn chart(steps: &[Option<[f64; 3]>], most: f64, room: usize) -> String {
    let width = room.min(steps.len());
    let part = |at: usize| steps.get(at * steps.len() / width..(at + 1) * steps.len() / width);
    let peak = |part: &[Option<[f64; 3]>]| part.iter().flatten().map(|it| it[2]).reduce(f64::max);
    let bar = |peak: f64| {
        let height = if most > 0.0 { peak / most * (BARS.len() - 1) as f64 } else { 0.0 };
        BARS.get(height.round() as usize).copied().unwrap_or(' ')
    };
    (0..width).map(|at| part(at).and_then(peak).map_or(' ', bar)).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes are no less")]
fn bytes(value: f64) -> String {
    pm_spec::Bytes::new(value as u64).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { width: Some(90), boxes: true, colour: false };

    fn usage(cpu: Vec<Option<[f64; 3]>>) -> InstanceUsage {
        let memory = cpu.iter().map(|it| it.map(|_| [1 << 20, 2 << 20, 3 << 20])).collect();
        let restarts = vec![(60_000, 2)];
        InstanceUsage {
            id: 3,
            name: "web".into(),
            slot: 0,
            begin: 1,
            step: 30_000,
            cpu,
            memory,
            restarts,
        }
    }

    #[test]
    fn peaks_are_seen_and_gaps_are_blank() {
        let mut cpu: Vec<_> = (0..400).map(|_| Some([0.0, 1.0, 2.0])).collect();
        cpu[100] = Some([0.0, 5.0, 99.5]);
        cpu[200..240].fill(None);
        let page = page(&[usage(cpu)], LOOK);
        let line = page.lines().find(|line| line.contains("cpu")).unwrap();
        assert!(line.contains("least    0.0%") && line.contains("most   99.5%"), "{line}");
        assert!(line.contains('█') && line.contains("▁   "), "{line}");
        assert!(line.chars().count() <= 90);
        assert!(page.contains("restarts 2"), "{page}");
    }

    #[test]
    fn nothing_seen_is_said() {
        assert!(page(&[usage(vec![None; 3])], LOOK).contains("nobody looked"));
        assert!(
            page(&[usage(vec![])], Look { width: None, boxes: false, colour: false })
                .contains("nobody")
        );
        assert_eq!(chart(&[Some([0.0; 3])], 0.0, 9), "▁");
    }
}
