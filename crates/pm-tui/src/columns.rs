//! Which columns the list shows, and where: the most wanted that fit its width.

use pm_protocol::Status;

use crate::cells::{cells, wrap};
use crate::format::{clean, status_sign};
use crate::instances::{Instances, ListColumn};

/// A field and its columns on the screen, relative to the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnSpan {
    pub(crate) field: ListColumn,
    pub(crate) x: u16,
    pub(crate) width: u16,
}

const GAP: u16 = 2;
/// Notes that are told in rows of their own, and the narrowest list that has them.
const MOST_NOTES: usize = 6;
const LEAST_NOTE_ROW: u16 = 30;
/// The narrowest sparkline that still shows a trend.
const LEAST_SPARK: u16 = 6;

/// Chooses the fields a list of this width shows: the most wanted that fit.
pub(crate) fn slots(width: u16, instances: &Instances) -> Vec<ColumnSpan> {
    let name = clip(instances.name_cells, 32).max(5);
    let last_id = instances.all().last().map_or(0, |one| one.row.id);
    let mut namespaces = instances.all().map(|one| one.row.namespace.as_str());
    let first = namespaces.next();
    let many_namespaces = namespaces.any(|other| Some(other) != first);
    let most_name = match width {
        80.. => 20,
        60.. => 14,
        _ => 10,
    };
    let least_name = name.min(most_name).min(width);
    let mark = if width >= 20 { 2 } else { 0 };
    let mut widths = vec![(ListColumn::Name, least_name)];
    if mark > 0 {
        widths.push((ListColumn::Mark, 0));
    }
    // One column stays free at the right, for what stands beside.
    let mut left = width.saturating_sub(least_name + mark + u16::from(width >= 20));
    let status = if width >= 26 { 11 } else { 1 };
    let ports = instances.all().map(|one| one.row.usage.ports().len());
    let port = ports.max().and_then(|most| u16::try_from(most).ok()).unwrap_or(0).min(14);
    let wishes = [
        (ListColumn::Status, status, true),
        (ListColumn::Cpu, 6, true),
        (ListColumn::Memory, 7, true),
        (ListColumn::Uptime, 7, true),
        (ListColumn::Id, clip(digits(last_id), 10).max(3), true),
        (ListColumn::Restarts, 4, true),
        (ListColumn::Port, port.max(4), port > 0),
        (ListColumn::CpuSpark, 10, true),
        (ListColumn::Pid, 7, true),
        (ListColumn::MemorySpark, 10, true),
        (ListColumn::Namespace, clip(instances.namespace_cells, 16).max(10), many_namespaces),
    ];
    for (field, wish, wanted) in wishes {
        let room = left.saturating_sub(GAP);
        let least = if matches!(field, ListColumn::CpuSpark | ListColumn::MemorySpark) {
            LEAST_SPARK
        } else {
            wish
        };
        if wanted && room >= least {
            let width = wish.min(room);
            left -= width + GAP;
            widths.push((field, width));
        } else if wanted {
            break;
        }
    }
    let grown = left.min(name - least_name);
    if let Some((_, width)) = widths.first_mut() {
        *width += grown;
    }
    left -= grown;
    if left >= 20 + GAP {
        widths.push((ListColumn::Note, left - GAP));
    }
    place(&widths)
}

fn place(widths: &[(ListColumn, u16)]) -> Vec<ColumnSpan> {
    let mut x = 0;
    let mut slots = Vec::new();
    for (field, _) in ListColumn::ALL {
        let Some((_, width)) = widths.iter().find(|(known, _)| *known == field) else { continue };
        slots.push(ColumnSpan {
            field,
            x,
            width: if field == ListColumn::Mark { 1 } else { *width },
        });
        x += width + GAP;
    }
    slots
}

/// What the columns of a list of this width need of it.
pub(crate) fn needed_width(width: u16, instances: &Instances) -> u16 {
    let slots = slots(width, instances);
    let end = |slot: &ColumnSpan| slot.x + slot.width + 1;
    slots.iter().filter(|slot| slot.field != ListColumn::Note).map(end).max().unwrap_or(0)
}

/// Notes that a list of this width does not show in full, in rows of their own: at first that of the instance under
/// the cursor.
pub(crate) fn note_rows(width: u16, instances: &Instances) -> Vec<(Status, String)> {
    if width < LEAST_NOTE_ROW {
        return Vec::new();
    }
    let slots = slots(width, instances);
    let shown = slots.iter().find(|slot| slot.field == ListColumn::Note);
    let shown = shown.map_or(0, |slot| usize::from(slot.width));
    let told = instances.noted().filter_map(|one| {
        let note = one.row.note.as_deref().filter(|note| cells(&clean(note)) > shown)?;
        Some((&one.row, note))
    });
    told.take(MOST_NOTES)
        .flat_map(|(row, note)| {
            let text = format!("{} {} ({}): {note}", status_sign(row.status), row.name, row.id);
            let pieces = wrap(&clean(&text), usize::from(width).saturating_sub(2));
            pieces.into_iter().map(|piece| (row.status, piece))
        })
        .collect()
}

pub(crate) fn clip(length: usize, most: u16) -> u16 {
    u16::try_from(length).unwrap_or(most).min(most)
}

pub(crate) fn digits(id: u32) -> usize {
    id.checked_ilog10().unwrap_or(0) as usize + 1
}
