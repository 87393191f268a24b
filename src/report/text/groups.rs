//! Deployments as groups of addresses: what they are called, and which are shown.

use std::collections::BTreeSet;

use super::Style;
use crate::model::report::{Deployment, Report};
use crate::model::verdict::Verdict;

/// Groups drawn on one screen; with `-v` all are. Real names have one or two; a hostile zone may have one an address.
const MAX_SHOWN: usize = 4;

/// A letter for each deployment; `None` when there is only one, which then needs no name.
pub fn label(report: &Report, index: usize) -> Option<String> {
    let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or_default());
    let round = match index / 26 {
        0 => String::new(),
        round => round.to_string(),
    };
    (report.deployments.len() > 1).then(|| format!("{letter}{round}"))
}

/// The deployments to show, in order; where there are too many, those at which a client fails go first.
pub fn shown(report: &Report, style: Style) -> Vec<(usize, &Deployment)> {
    let mut chosen: Vec<(usize, &Deployment)> = report.deployments.iter().enumerate().collect();
    if !style.is_verbose() && chosen.len() > MAX_SHOWN {
        chosen.sort_by_key(|(index, deployment)| (!fails(deployment), *index));
        chosen.truncate(MAX_SHOWN);
        chosen.sort_by_key(|(index, _)| *index);
    }
    chosen
}

/// A remark on the groups that [`shown`] left out.
pub fn left_out(report: &Report, style: Style) -> Option<String> {
    let shown: BTreeSet<usize> = shown(report, style).into_iter().map(|(index, _)| index).collect();
    let count = report.deployments.len() - shown.len();
    (count > 0).then(|| format!("and {count} more groups of addresses (-v shows them)"))
}

/// The report is about files: no address was asked, and none belongs to the chain.
pub fn of_files(report: &Report) -> Option<&Deployment> {
    report.deployments.iter().find(|deployment| deployment.endpoints.is_empty()).filter(|_| report.endpoints.is_empty())
}

fn fails(deployment: &Deployment) -> bool {
    deployment.clients.iter().any(|client| matches!(client.verdict, Verdict::Reject | Verdict::Error))
}
