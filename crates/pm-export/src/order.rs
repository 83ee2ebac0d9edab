//! Who comes before whom, for engines that only know an order.

use std::collections::BTreeMap;

use pm_spec::AppSpec;

/// For each app, how many others begin before it, one after the other.
pub(crate) fn depths(apps: &[AppSpec]) -> Vec<usize> {
    let index: BTreeMap<_, _> = apps.iter().zip(0..).map(|(app, at)| (&app.name, at)).collect();
    let mut depths = vec![0_usize; apps.len()];
    // There is no circle, so the longest way has fewer steps than there are apps.
    for _ in apps {
        let deeper = |app: &AppSpec| {
            let needs = app.depends_on.iter().filter_map(|it| index.get(&it.app));
            needs.map(|at: &usize| depths[*at] + 1).max().unwrap_or(0)
        };
        let next: Vec<_> = apps.iter().map(deeper).collect();
        if next == depths {
            break;
        }
        depths = next;
    }
    depths
}
