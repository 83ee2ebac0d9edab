//! Where everything stands: pure, from the size and the model. Serves drawing and mouse hits alike.
//!
//! Panes degrade by size: what does not fit usefully gets no area at all.

use ratatui::layout::{Position, Rect};

use crate::cells::cells;
use crate::columns::{clip, digits, needed_width, note_rows, slots};
use crate::format::clean;
use crate::instances::ListColumn;
use crate::keys::Pane;
use crate::model::{InputMode, Model};
use crate::scroll::Viewport;

/// From this width on list and logs stand side by side.
const WIDE: u16 = 140;
/// From this height on two panes stand one above the other.
const TALL: u16 = 9;
/// From this width on logs and details share the lower part.
const ROOMY: u16 = 110;

/// The list's share of height or width in thousandths; beside the logs it takes more if its columns need that.
const SPLIT: u16 = 450;
const MOST_SPLIT: u16 = 550;

/// The areas of a screen. What is not shown has an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScreenLayout {
    pub(crate) header: Rect,
    pub(crate) list: Rect,
    pub(crate) logs: Rect,
    pub(crate) detail: Rect,
    pub(crate) footer: Rect,
    /// Rows at the end of the list that tell notes.
    pub(crate) notes: u16,
    /// The column between left and right, if there are two.
    pub(crate) divider: Rect,
    /// What list and the rest share, for dragging the border.
    pub(crate) shared: Rect,
}

/// Computes the areas.
pub(crate) fn layout(area: Rect, model: &Model) -> ScreenLayout {
    let mut layout = ScreenLayout::default();
    let (mut top, mut height) = (area.y, area.height);
    if height >= 8 {
        let rows = if height >= 20 { 2 } else { 1 };
        layout.header = Rect { y: top, height: rows, ..area };
        (top, height) = (top + rows, height - rows);
    }
    // Whoever is asked something must see it, however small the screen.
    if height >= 4 || (height >= 2 && model.needs_footer()) {
        height -= 1;
        layout.footer = Rect { y: top + height, height: 1, ..area };
    }
    let main = Rect { y: top, height, ..area };
    if model.instances.all().len() == 0 {
        // Nothing but the hint how to start something.
        layout.list = main;
    } else if model.zoom || main.height < TALL {
        match model.focus {
            Pane::List => layout.list = main,
            Pane::Logs => layout.logs = main,
            Pane::Detail => layout.detail = main,
        }
    } else if main.width >= WIDE {
        side_by_side(&mut layout, main, model);
    } else {
        stacked(&mut layout, main, model);
    }
    if layout.notes == 0 && layout.list.height > 2 {
        // Most of a list are its lines.
        layout.notes = notes_needed(layout.list.width, model).min(layout.list.height / 3);
    }
    layout
}

fn side_by_side(layout: &mut ScreenLayout, main: Rect, model: &Model) {
    let share = |thousandths| part(main.width, thousandths, 50, 60);
    let left_width = model
        .split
        .map_or_else(|| needed_width(share(MOST_SPLIT), &model.instances).max(share(SPLIT)), share);
    let left = Rect { width: left_width, ..main };
    let right = Rect { x: main.x + left_width + 1, width: main.width - left_width - 1, ..main };
    layout.divider = Rect { x: main.x + left_width, width: 1, ..main };
    layout.shared = main;
    layout.logs = right;
    layout.list = left;
    if model.shows_detail(main.height >= 16) {
        // A long list takes up to half, a short one leaves its room to the details.
        let list = lines_needed(model).clamp(5, (main.height / 2).max(5));
        layout.notes = notes_beside(list, left, model);
        let list = list + layout.notes;
        layout.list = Rect { height: list, ..left };
        layout.detail = Rect { y: left.y + list, height: main.height - list, ..left };
    }
}

fn stacked(layout: &mut ScreenLayout, main: Rect, model: &Model) {
    // A list longer than its lines would only waste rows that logs could have.
    let needed = lines_needed(model);
    let mut list = part(main.height, model.split.unwrap_or(SPLIT), 4, 4);
    if model.split.is_none() {
        list = list.min(needed.max(4));
        layout.notes = notes_beside(list, main, model);
        list += layout.notes;
    }
    layout.shared = main;
    layout.list = Rect { height: list, ..main };
    let lower = Rect { y: main.y + list, height: main.height - list, ..main };
    let detail = model.shows_detail(false);
    if detail && main.width >= ROOMY {
        let width = main.width * 9 / 20;
        layout.detail = Rect { x: lower.x + lower.width - width, width, ..lower };
        layout.divider = Rect { x: layout.detail.x - 1, width: 1, ..lower };
        layout.logs = Rect { width: lower.width - width - 1, ..lower };
    } else if detail {
        layout.detail = lower;
    } else {
        layout.logs = lower;
    }
}

/// Rows of a list without any blank ones but the last, and without notes.
fn lines_needed(model: &Model) -> u16 {
    u16::try_from(model.instances.listed_count()).unwrap_or(u16::MAX).saturating_add(3)
}

/// Rows for notes that a list of this height has besides, as long as the rest keeps some.
fn notes_beside(list: u16, area: Rect, model: &Model) -> u16 {
    let rest = area.height.saturating_sub(list + 4);
    notes_needed(area.width, model).min((list / 3).max(2)).min(rest)
}

fn notes_needed(width: u16, model: &Model) -> u16 {
    u16::try_from(note_rows(width, &model.instances).len()).unwrap_or(u16::MAX)
}

/// So many thousandths of a length, leaving both sides at least something.
fn part(length: u16, thousandths: u16, least: u16, least_rest: u16) -> u16 {
    let share = u32::from(length) * u32::from(thousandths) / 1000;
    let most = length.saturating_sub(least_rest).max(1);
    u16::try_from(share).unwrap_or(length).clamp(least.min(most), most)
}

impl ScreenLayout {
    pub(crate) fn pane(&self, pane: Pane) -> Rect {
        match pane {
            Pane::List => self.list,
            Pane::Logs => self.logs,
            Pane::Detail => self.detail,
        }
    }

    /// The pane under a place of the screen.
    pub(crate) fn hit(&self, at: Position) -> Option<Pane> {
        Pane::ALL.into_iter().find(|pane| self.pane(*pane).contains(at))
    }

    /// Whether dragging here moves the border between list and the rest.
    pub(crate) fn on_border(&self, at: Position) -> bool {
        if self.side_by_side() {
            self.divider.contains(at)
        } else {
            let lower = if self.logs.is_empty() { self.detail } else { self.logs };
            !self.shared.is_empty() && self.shared.contains(at) && at.y == lower.y
        }
    }

    /// Whether the list stands left of the logs and not above them.
    pub(crate) fn side_by_side(&self) -> bool {
        !self.divider.is_empty() && self.divider.y == self.shared.y
    }

    /// Where the lines of the list stand.
    pub(crate) fn list_lines(&self) -> Rect {
        let lines = below(self.list, if self.list.height >= 4 { 2 } else { title_rows(self.list) });
        Rect { height: lines.height.saturating_sub(self.notes), ..lines }
    }

    /// Where notes stand that have no room in the lines.
    pub(crate) fn list_notes(&self) -> Rect {
        let notes = self.notes.min(self.list.height);
        Rect { y: self.list.bottom() - notes, height: notes, ..self.list }
    }

    /// Where the titles of the list's columns stand.
    pub(crate) fn list_head(&self) -> Rect {
        if self.list.height >= 4 {
            Rect { y: self.list.y + 1, height: 1, ..self.list }
        } else {
            Rect::default()
        }
    }

    /// A pane without its title.
    pub(crate) fn body(&self, pane: Pane) -> Rect {
        let area = self.pane(pane);
        below(area, title_rows(area))
    }

    /// The room for the text of log lines.
    pub(crate) fn log_viewport(&self, model: &Model) -> Viewport {
        let body = self.body(Pane::Logs);
        let width = body.width.saturating_sub(Prefix::of(body.width, model).width());
        Viewport { width: usize::from(width.max(1)), height: usize::from(body.height.max(1)) }
    }
}

/// A pane of one or two rows is all content.
fn title_rows(area: Rect) -> u16 {
    u16::from(area.height >= 3)
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// What stands before the text of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    /// One column that marks standard error.
    pub(crate) mark: u16,
    /// The time of day and a blank.
    pub(crate) time: u16,
    /// The app's name and a blank, where lines of several stand together.
    pub(crate) name: u16,
}

impl Prefix {
    pub(crate) fn of(width: u16, model: &Model) -> Self {
        let time = if model.log.times && width >= 30 { 9 } else { 0 };
        let several = model.log.group.len() > 1 && width >= 40;
        let longest = model.log.group.iter().filter_map(|id| model.instances.get(*id));
        let longest =
            longest.map(|one| cells(&clean(&one.row.name)) + digits(one.row.id) + 1).max();
        let name = longest.filter(|_| several).map_or(0, |length| clip(length, 20) + 1);
        Self { mark: u16::from(width >= 4), time, name }
    }

    pub(crate) fn width(self) -> u16 {
        self.mark + self.time + self.name
    }
}

/// Where help stands: centred, as large as it may be.
pub(crate) fn overlay(area: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(area.width);
    let height = height.min(area.height);
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

impl Model {
    pub(crate) fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.0, self.size.1)
    }

    pub(crate) fn layout(&self) -> ScreenLayout {
        layout(self.area(), self)
    }

    /// When something on the screen changes although nothing happens, in ms since 1970: a message passes or an
    /// uptime that is shown grows. `None`: never.
    pub fn wakes_at(&self) -> Option<u64> {
        let layout = self.layout();
        let lines = usize::from(layout.list_lines().height);
        let ages = slots(layout.list.width, &self.instances)
            .iter()
            .any(|slot| slot.field == ListColumn::Uptime);
        let listed =
            self.instances.listed().skip(self.instances.offset).take(if ages { lines } else { 0 });
        let shown = self.instances.under_cursor().filter(|_| !layout.detail.is_empty());
        listed
            .chain(shown)
            .filter_map(|one| one.changes_in(self.now))
            .map(|ms| self.now.saturating_add(ms))
            .chain(self.notice.as_ref().map(|notice| notice.until))
            .min()
    }

    fn needs_footer(&self) -> bool {
        matches!(self.mode, InputMode::Asking(_) | InputMode::Typing(..))
    }

    fn shows_detail(&self, by_default: bool) -> bool {
        self.detail.unwrap_or(by_default) || self.focus == Pane::Detail
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::row;
    use crate::theme::ThemeChoice;
    use pm_protocol::Status;

    fn model(apps: u32) -> Model {
        let mut model = Model::new(ThemeChoice::Dark, String::new(), 0);
        model.instances.replace((0..apps).map(|id| row(id, "web-app", Status::Online)).collect());
        model
    }

    fn check(area: Rect, model: &Model) {
        let layout = layout(area, model);
        let areas =
            [layout.header, layout.list, layout.logs, layout.detail, layout.footer, layout.divider];
        for (index, one) in areas.iter().enumerate() {
            assert_eq!(one.intersection(area).area(), one.area(), "{one:?} leaves {area:?}");
            for other in areas.iter().skip(index + 1) {
                assert!(one.intersection(*other).is_empty(), "{layout:?} overlaps");
            }
        }
        let covered: u32 = areas.iter().map(|one| one.area()).sum();
        assert_eq!(covered, area.area(), "a hole in {layout:?}");
        assert!(area.is_empty() || !layout.pane(model.focus).is_empty(), "no keys for {layout:?}");
        let lines = layout.list_lines();
        let slots = slots(lines.width, &model.instances);
        assert!(
            slots.windows(2).all(|pair| pair[0].x + pair[0].width < pair[1].x),
            "{slots:?} overlap"
        );
        assert!(
            slots.iter().all(|slot| slot.x + slot.width <= lines.width),
            "{slots:?} in {lines:?}"
        );
    }

    proptest! {
        #[test]
        fn p54_areas_never_overlap_nor_leave_holes(
            width in 0_u16..320, height in 0_u16..210, x in 0_u16..3, apps in 0_u32..40,
            split: Option<u16>, zoom: bool, detail: Option<bool>, focus in 0_usize..3,
        ) {
            let mut model = model(apps);
            let split = split.map(|split| split % 1001);
            (model.split, model.zoom, model.detail) = (split, zoom, detail);
            model.focus = if apps == 0 { Pane::List } else { Pane::ALL[focus] };
            if model.focus == Pane::Logs {
                // `update` moves the focus off logs that details cover.
                model.detail = Some(false);
            }
            check(Rect { x, y: x, width, height }, &model);
        }
    }

    #[test]
    fn more_width_shows_more() {
        let model = model(3);
        let count = |width| slots(width, &model.instances).len();
        assert_eq!(count(1), 1);
        assert!(count(40) >= 4 && count(80) > count(40) && count(140) > count(80));
        let fields: Vec<_> = slots(80, &model.instances).iter().map(|slot| slot.field).collect();
        assert!(fields.contains(&ListColumn::CpuSpark) && fields.contains(&ListColumn::Restarts));
    }

    #[test]
    fn a_list_beside_the_logs_takes_no_more_than_its_columns_need() {
        let mut model = model(3);
        let other = pm_protocol::Row { namespace: "jobs".into(), ..row(7, "x", Status::Online) };
        model.instances.change(other);
        for width in WIDE..320 {
            let list = layout(Rect::new(0, 0, width, 60), &model).list.width;
            let slots = slots(list, &model.instances);
            let end = slots.last().map_or(0, |slot| slot.x + slot.width + 1);
            let share = part(width, SPLIT, 50, 60);
            assert!(list == end.max(share), "{list} for {end} of {width}: {slots:?}");
        }
    }

    #[test]
    fn a_border_can_be_taken() {
        let model = model(3);
        let wide = layout(Rect::new(0, 0, 200, 60), &model);
        assert!(wide.side_by_side() && wide.on_border(Position::new(wide.divider.x, 10)));
        let tall = layout(Rect::new(0, 0, 80, 24), &model);
        assert!(!tall.side_by_side() && tall.on_border(Position::new(3, tall.logs.y)));
        assert!(!tall.on_border(Position::new(3, tall.logs.y + 1)));
        assert_eq!(tall.hit(Position::new(0, tall.list.y)), Some(Pane::List));
    }
}
