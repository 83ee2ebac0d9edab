//! Things that wait for each other in a circle, which can't begin.

/// The circles among things that are known by their numbers, each from its lowest number on; of those that share a thing not all are told.
/// `needs` is asked once for each thing, so that ten thousand of them in a row cost no more than ten thousand questions.
pub(crate) fn circles(count: usize, mut needs: impl FnMut(usize) -> Vec<usize>) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = Vec::new();
    let mut standing = vec![VisitState::Unseen; count];
    for first in 0..count {
        // The way from the first to where we are, each with what it needs and is not looked at yet.
        let mut way: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut next = Some(first);
        loop {
            match next.map(|at| (at, standing[at])) {
                Some((at, VisitState::Unseen)) => {
                    standing[at] = VisitState::OnTheWay;
                    let mut all = needs(at);
                    all.reverse();
                    way.push((at, all));
                }
                Some((at, VisitState::OnTheWay)) => {
                    let begin = way.iter().position(|(one, _)| *one == at).unwrap_or_default();
                    let mut circle: Vec<_> = way[begin..].iter().map(|(one, _)| *one).collect();
                    let least = circle.iter().enumerate().min_by_key(|(_, one)| **one);
                    let least = least.map_or(0, |(index, _)| index);
                    circle.rotate_left(least);
                    found.push(circle);
                }
                Some((_, VisitState::Done)) | None => {}
            }
            let Some((at, rest)) = way.last_mut() else { break };
            next = rest.pop();
            if next.is_none() {
                standing[*at] = VisitState::Done;
                way.pop();
            }
        }
    }
    found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VisitState {
    Unseen,
    OnTheWay,
    Done,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_told_once_from_their_first_thing_on() {
        let graph = [vec![1, 2], vec![2], vec![0], vec![3], vec![5], vec![], vec![4, 1]];
        let found = circles(graph.len(), |at| graph[at].clone());
        assert_eq!(found, [vec![0, 1, 2], vec![3]]);
    }

    #[test]
    fn each_is_asked_once_however_long_the_row_is() {
        let (count, mut asked) = (100_000, 0);
        let found = circles(count, |at| {
            asked += 1;
            // All those that are nine before and one before.
            [at + 1, at + 9].into_iter().filter(|to| *to < count).collect()
        });
        assert_eq!((found.len(), asked), (0, count));
    }
}
