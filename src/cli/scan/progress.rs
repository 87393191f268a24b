//! How far a scan is, on one line of the terminal that is written again and again.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::cli::options::Global;
use crate::scan::Progress;

/// Often enough to see it move.
const EVERY: Duration = Duration::from_millis(500);

/// Draws nothing unless the standard error is a terminal.
pub struct Display {
    on: bool,
    begun: Instant,
    last: Option<Instant>,
    /// Octets of the list; `None` for a pipe.
    octets: Option<u64>,
}

impl Display {
    pub fn new(global: &Global, octets: Option<u64>) -> Self {
        let on = global.quiet == 0 && std::io::stderr().is_terminal();
        Self { on, begun: Instant::now(), last: None, octets: octets.filter(|&octets| octets > 0) }
    }

    pub fn show(&mut self, progress: &Progress, failed: u64) {
        let due = self.last.is_none_or(|last| last.elapsed() >= EVERY);
        if self.on && due && !progress.ended {
            self.last = Some(Instant::now());
            let line = text(progress, failed, self.begun.elapsed(), self.octets);
            // A terminal that is gone is no reason to stop.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}").and_then(|()| std::io::stderr().flush());
        }
    }

    /// Leaves an empty line behind.
    pub fn clear(&mut self) {
        if self.on && self.last.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K").and_then(|()| std::io::stderr().flush());
        }
    }
}

fn text(progress: &Progress, failed: u64, elapsed: Duration, octets: Option<u64>) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = progress.done as f64 / seconds;
    let mut text = format!("{} done, {rate:.0}/s, {failed} failed", progress.done + progress.skipped);
    // What was read and is in flight is a small part of a list that is long enough to wait for.
    if let Some(octets) = octets.filter(|_| progress.position > 0) {
        let share = (progress.position as f64 / octets as f64).min(1.0);
        text.push_str(&format!(", {:.0} %", share * 100.0));
        if progress.skipped == 0 && share < 1.0 && seconds > 2.0 {
            text.push_str(&format!(", {} left", duration(seconds * (1.0 - share) / share)));
        }
    }
    text
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5999 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_share_and_what_is_left() {
        let progress = Progress { done: 1_000, position: 2_000, ..Progress::default() };
        let shown = |octets, progress: &Progress| text(progress, 7, Duration::from_secs(10), octets);
        assert_eq!(shown(Some(8_000), &progress), "1000 done, 100/s, 7 failed, 25 %, 30 s left");
        assert_eq!(shown(None, &progress), "1000 done, 100/s, 7 failed");
        assert_eq!(duration(130.0), "3 min");
        assert_eq!(duration(7_300.0), "2 h 1 min");
    }
}
