//! The plan and the end of a fix, for a person.

use std::collections::BTreeMap;

use crate::model::fix::{FixReport, Outcome, Plan, StepStatus};
use crate::model::report::Report;
use crate::model::verdict::Verdict;
use crate::report::text::screen::{Paint, Screen, paint, plain};
use crate::report::text::{Detail, Style};

/// The whole document.
pub fn document(document: &FixReport, style: Style) -> String {
    let mut screen = Screen::new(style);
    let color = match document.outcome {
        Outcome::Mended => Paint::Good,
        Outcome::NothingChanged | Outcome::Interrupted | Outcome::RolledBack => Paint::Warning,
        Outcome::NotMended | Outcome::NeedsAttention => Paint::Bad,
    };
    let said = document
        .reason
        .as_ref()
        .map_or("every address serves the bundle, and every client that was promised accepts it", |reason| {
            &reason.text
        });
    screen.entry("", "  ", &[paint(color, word(document.outcome).to_uppercase()), plain(format!(": {said}"))]);
    if style.detail == Detail::Headline {
        return screen.finish();
    }
    if !document.plan.bundle.is_empty() {
        draw_plan(&document.plan, &document.before, &mut screen);
    }
    if !document.steps.is_empty() {
        screen.heading("STEPS", &[]);
        draw_steps(document, &mut screen);
    }
    if let Some(after) = &document.after {
        screen.heading("AFTERWARDS", &[]);
        let mut accepting = BTreeMap::new();
        for client in after.deployments.iter().flat_map(|deployment| &deployment.clients) {
            *accepting.entry(&client.id).or_insert(true) &= client.verdict == Verdict::Accept;
        }
        let count = accepting.values().filter(|accepts| **accepts).count();
        screen.entry("  ", "    ", &[plain(format!("{count} of {} clients accept what is served", accepting.len()))]);
        for finding in &after.findings {
            screen.entry("  ", "    ", &[plain(format!("{} {}: {}", finding.severity, finding.code, finding.title))]);
        }
    }
    for note in &document.notes {
        screen.entry("! ", "  ", &[plain(note.clone())]);
    }
    if style.is_verbose() && !document.calls.is_empty() {
        screen.heading("CALLS", &[]);
        for call in &document.calls {
            let id = call.request_id.as_deref().unwrap_or("-");
            screen.entry(
                "  ",
                "    ",
                &[plain(format!("{} {} ({} ms, request {id})", call.action, call.outcome, call.duration_ms))],
            );
        }
    }
    if let Some(id) = &document.run_id {
        screen.heading("RUN", &[plain(id.clone())]);
        if document.outcome == Outcome::Mended {
            screen.entry("  ", "  ", &[plain("put everything back, now or later:")]);
            screen.command("  ", &format!("tlsmend fix --rollback {id}"));
        }
    }
    screen.finish()
}

/// The plan alone, before consent.
pub fn plan(plan: &Plan, before: &Report, style: Style) -> String {
    let mut screen = Screen::new(style);
    draw_plan(plan, before, &mut screen);
    screen.finish()
}

/// What was done, alone.
pub fn steps(document: &FixReport, style: Style) -> String {
    let mut screen = Screen::new(style);
    draw_steps(document, &mut screen);
    screen.finish()
}

fn draw_steps(document: &FixReport, screen: &mut Screen) {
    for step in &document.steps {
        let (sign, color) = match step.status {
            StepStatus::Done => ("✓", Paint::Good),
            StepStatus::Found => ("=", Paint::Good),
            StepStatus::Failed => ("✗", Paint::Bad),
        };
        let first = format!("  {sign} {}: ", step.action);
        screen.entry("", "      ", &[paint(color, first), plain(step.description.clone())]);
    }
}

fn draw_plan(plan: &Plan, before: &Report, screen: &mut Screen) {
    let addresses = match plan.endpoints.len() {
        1 => "1 address".to_owned(),
        count => format!("{count} addresses"),
    };
    screen.heading(
        "PLAN",
        &[plain(format!(
            "a corrected chain for {}, at {addresses}, through {}",
            before.target.host_unicode, plan.service
        ))],
    );
    let mut line = |first: &str, text: String| screen.entry(first, "      ", &[plain(text)]);
    let subject =
        |hash: &String| before.certificates.get(hash).map_or_else(|| hash.clone(), |facts| facts.subject.clone());
    for hash in &plan.adds {
        line("  + ", format!("add: {}", subject(hash)));
    }
    for hash in &plan.removes {
        line("  - ", format!("leave out: {}", subject(hash)));
    }
    if plan.reordered {
        line("  ~ ", "put in order".to_owned());
    }
    if let Some(end_entity) = &plan.end_entity {
        let until = end_entity.not_after.date();
        match end_entity.changes {
            false => line("  = ", format!("the end entity stays, and its key: {}, until {until}", end_entity.subject)),
            true => line(
                "  ! ",
                format!("NEW end entity: {}, until {until}, SHA-256 {}", end_entity.subject, end_entity.sha256),
            ),
        }
    }
    let accepting = |after: bool| {
        let verdicts = plan.proof.iter().map(|proof| if after { proof.after } else { proof.before });
        verdicts.filter(|verdict| *verdict == Verdict::Accept).count()
    };
    let (now, then, all) = (accepting(false), accepting(true), plan.proof.len());
    line("  ✓ ", format!("proof: {now} of {all} clients accept what is served now, {then} will"));
    for resource in &plan.resources {
        let bound = resource.certificate_id.as_deref().map(|id| format!(", certificate {id} now")).unwrap_or_default();
        let fits = if resource.matches { "matches" } else { "does NOT match" };
        line(
            "  @ ",
            format!(
                "{} {} {} (resource {}){bound}: {fits}",
                resource.product,
                resource.instance.as_deref().unwrap_or(""),
                resource.domain,
                resource.id
            ),
        );
    }
    for (index, write) in plan.writes.iter().enumerate() {
        let undo = write.undo.as_deref().map(|undo| format!(" (undone: {undo})")).unwrap_or_default();
        line(&format!("  {}. ", index + 1), format!("{}{undo}", write.description));
    }
    if let Some(cost) = &plan.cost {
        let about = if cost.exact { "" } else { "about " };
        line(
            "  $ ",
            format!("cost: {about}{} deployment credit{}", cost.credits, if cost.credits == 1 { "" } else { "s" }),
        );
    }
    for id in &plan.ids {
        let (old, new) = (id.old.as_deref().unwrap_or("none"), id.new.as_deref().unwrap_or("a new one"));
        line("  # ", format!("{}: {old} → {new}", id.what));
    }
    for warning in &plan.warnings {
        line("  ! ", warning.clone());
    }
}

pub fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Mended => "mended",
        Outcome::NotMended => "not mended",
        Outcome::NothingChanged => "nothing changed",
        Outcome::RolledBack => "rolled back",
        Outcome::NeedsAttention => "needs a person",
        Outcome::Interrupted => "interrupted",
    }
}
