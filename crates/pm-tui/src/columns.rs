//! Which columns the list shows, and where: the most wanted that fit its width.

use crate::instances::{Instances, SortColumn};

/// One thing the list shows of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ListField {
    Mark,
    Figure(SortColumn),
    CpuSpark,
    MemorySpark,
    Note,
}

impl ListField {
    /// The order from left to right.
    const PLACES: [Self; 13] = [
        Self::Mark,
        Self::Figure(SortColumn::Id),
        Self::Figure(SortColumn::Name),
        Self::Figure(SortColumn::Namespace),
        Self::Figure(SortColumn::Status),
        Self::Figure(SortColumn::Cpu),
        Self::CpuSpark,
        Self::Figure(SortColumn::Memory),
        Self::MemorySpark,
        Self::Figure(SortColumn::Restarts),
        Self::Figure(SortColumn::Uptime),
        Self::Figure(SortColumn::Pid),
        Self::Note,
    ];

    pub(crate) fn right_aligned(self) -> bool {
        matches!(
            self,
            Self::Figure(
                SortColumn::Id
                    | SortColumn::Cpu
                    | SortColumn::Memory
                    | SortColumn::Restarts
                    | SortColumn::Uptime
                    | SortColumn::Pid
            )
        )
    }
}

/// A field and its columns on the screen, relative to the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnSpan {
    pub(crate) field: ListField,
    pub(crate) x: u16,
    pub(crate) width: u16,
}

const GAP: u16 = 2;

/// Chooses the fields a list of this width shows: the most wanted that fit.
pub(crate) fn slots(width: u16, instances: &Instances) -> Vec<ColumnSpan> {
    let longest = |text: fn(&pm_protocol::Row) -> &str| {
        instances.listed().map(|one| text(&one.row).chars().count()).max().unwrap_or(0)
    };
    let name = clip(longest(|row| &row.name), 32).max(5);
    let last_id = instances.all().last().map_or(0, |one| one.row.id);
    let mut namespaces = instances.all().map(|one| one.row.namespace.as_str());
    let first = namespaces.next();
    let many_namespaces = namespaces.any(|other| Some(other) != first);
    let least_name = name.min(if width >= 60 { 14 } else { 10 }).min(width);
    let mark = if width >= 20 { 2 } else { 0 };
    let mut widths = vec![(ListField::Figure(SortColumn::Name), least_name)];
    if mark > 0 {
        widths.push((ListField::Mark, 0));
    }
    // One column stays free at the right, for what stands beside.
    let mut left = width.saturating_sub(least_name + mark + u16::from(width >= 20));
    let status = if width >= 26 { 11 } else { 1 };
    let wishes = [
        (ListField::Figure(SortColumn::Status), status, true),
        (ListField::Figure(SortColumn::Cpu), 6, true),
        (ListField::Figure(SortColumn::Memory), 7, true),
        (ListField::Figure(SortColumn::Uptime), 7, true),
        (ListField::Figure(SortColumn::Id), clip(digits(last_id), 10).max(3), true),
        (ListField::Figure(SortColumn::Restarts), 4, true),
        (ListField::CpuSpark, 10, true),
        (ListField::Figure(SortColumn::Pid), 7, true),
        (ListField::MemorySpark, 10, true),
        (
            ListField::Figure(SortColumn::Namespace),
            clip(longest(|row| &row.namespace), 16).max(10),
            many_namespaces,
        ),
    ];
    for (field, wish, wanted) in wishes {
        if wanted && left >= wish + GAP {
            left -= wish + GAP;
            widths.push((field, wish));
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
        widths.push((ListField::Note, left - GAP));
    }
    place(&widths)
}

fn place(widths: &[(ListField, u16)]) -> Vec<ColumnSpan> {
    let mut x = 0;
    let mut slots = Vec::new();
    for field in ListField::PLACES {
        let Some((_, width)) = widths.iter().find(|(known, _)| *known == field) else { continue };
        slots.push(ColumnSpan {
            field,
            x,
            width: if field == ListField::Mark { 1 } else { *width },
        });
        x += width + GAP;
    }
    slots
}

pub(crate) fn clip(length: usize, most: u16) -> u16 {
    u16::try_from(length).unwrap_or(most).min(most)
}

pub(crate) fn digits(id: u32) -> usize {
    id.checked_ilog10().unwrap_or(0) as usize + 1
}
