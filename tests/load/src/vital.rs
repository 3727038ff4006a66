//! What a process holds, as Linux tells it.

use std::fs;

/// Memory that may be had more at the end, beyond half of what it was.
pub(crate) const RSS_SLACK: u64 = 8 * 1024 * 1024;

/// What a process holds at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vital {
    /// Resident memory.
    pub rss_bytes: u64,
    /// Open files, sockets and pipes.
    pub files: u64,
    /// Processor time so far, in hundredths of a second.
    pub cpu_ticks: u64,
}

impl Vital {
    /// Looks at a process. `None` where there is none, or no `/proc`.
    pub fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let kibibytes = status.lines().find_map(|line| {
            let value = line.strip_prefix("VmRSS:")?.trim();
            value.strip_suffix(" kB")?.trim().parse::<u64>().ok()
        })?;
        let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold spaces, and ends with the last parenthesis; user and system time are fields 14 and 15.
        let (_name, fields) = stat.rsplit_once(')')?;
        let times = fields.split_whitespace().skip(11).take(2);
        let cpu_ticks = times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Some(Self {
            rss_bytes: kibibytes * 1024,
            files: u64::try_from(files).unwrap_or(u64::MAX),
            cpu_ticks,
        })
    }
}

/// Whether a figure stays flat: its middle in the last third is at most `slack` beyond one and a half times that of the first third.
pub fn is_flat(values: &[u64], slack: u64) -> bool {
    let third = values.len() / 3;
    if third == 0 {
        return true;
    }
    let first = middle(values.iter().take(third));
    let last = middle(values.iter().rev().take(third));
    last <= first + first / 2 + slack
}

fn middle<'a>(values: impl Iterator<Item = &'a u64>) -> u64 {
    let mut values: Vec<u64> = values.copied().collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_not_flat_and_what_swings_is() {
        assert!(is_flat(&[10, 14, 9, 12, 11, 13], 0));
        assert!(!is_flat(&[10, 20, 30, 40, 50, 60], 0));
        assert!(is_flat(&[10, 20, 30, 40, 50, 60], 40));
        assert!(is_flat(&[1, 100], 0), "too few to tell");
    }
}
