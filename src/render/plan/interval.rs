//! Intervals: the runs of frames between which something comes, goes, or is hidden.

use std::collections::BTreeSet;

use super::{Layer, Plan};

/// A run of frames that shows the same layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    pub first: i64,
    pub end: i64,
    /// Indexes into the plan's layers, the lowest first; none that is hidden.
    pub layers: Vec<usize>,
}

/// All of a plan whose layers are known.
pub(super) fn intervals(plan: &Plan) -> Vec<Interval> {
    let mut cuts: Vec<i64> = plan.layers.iter().flat_map(|layer| cuts(plan, layer)).collect();
    cuts.extend([0, plan.frames]);
    cuts.retain(|frame| (0..=plan.frames).contains(frame));
    cuts.sort_unstable();
    cuts.dedup();
    let mut coming: Vec<usize> = (0..plan.layers.len()).collect();
    coming.sort_by_key(|&index| std::cmp::Reverse(plan.layers[index].first));
    // Those that are there, the lowest first.
    let mut there = BTreeSet::new();
    let interval = |pair: &[i64]| {
        while let Some(index) = coming.pop_if(|index| plan.layers[*index].first <= pair[0]) {
            there.insert(index);
        }
        there.retain(|&index| plan.layers[index].end > pair[0]);
        Interval { first: pair[0], end: pair[1], layers: unhidden(plan, &there, pair[0], pair[1]) }
    };
    cuts.windows(2).map(interval).collect()
}

/// The frames at which a layer comes, goes, or its transitions start or end.
fn cuts(plan: &Plan, layer: &Layer) -> Vec<i64> {
    let mut cuts = vec![layer.first, layer.end];
    // The first frame at or after the moment: frames before it are still within the transition.
    let after = |seconds: f64| (seconds * plan.rate.as_f64() - 1e-6).ceil() as i64;
    cuts.extend(layer.enter.map(|enter| after(enter.start_s + enter.duration_s)));
    cuts.extend(layer.leave.map(|leave| after(leave.start_s)));
    cuts
}

/// Whether a layer hides what lies below in all frames of an interval: one that another takes over from may let it be seen.
pub(super) fn hides<'a>(plan: &Plan, layer: usize, there: impl IntoIterator<Item = &'a usize>, first: i64, end: i64) -> bool {
    let seconds = plan.rate.seconds(first);
    let gives_way = |&other: &usize| plan.layers[other].crossing_at(seconds).is_some_and(|(from, _)| from == layer);
    plan.layers[layer].hides(plan, first, end) && !there.into_iter().any(gives_way)
}

/// Of the layers that are there those that nothing hides.
fn unhidden(plan: &Plan, there: &BTreeSet<usize>, first: i64, end: i64) -> Vec<usize> {
    let mut seen: Vec<usize> = Vec::new();
    for &index in there.iter().rev() {
        seen.push(index);
        if hides(plan, index, there, first, end) {
            break;
        }
    }
    seen.reverse();
    seen
}
