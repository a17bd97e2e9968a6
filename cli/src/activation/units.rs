//! Which units of systemd a switch stops, starts, restarts and reloads.
//!
//! A unit that changed is stopped before the activation and started after it, unless it says
//! otherwise (`X-RestartIfChanged`, `X-StopIfChanged`, `X-ReloadIfChanged` and their kin); one that
//! is gone is stopped; active targets are started again, which starts what is new in them. Source:
//! NixOS, `switch-to-configuration.pl`.

use std::collections::{BTreeMap, BTreeSet};

/// The directory of units in a system's `/etc`.
pub(crate) const DIRECTORY: &str = "systemd/system";

/// Units by name, each with its text and, appended, its overrides.
pub(crate) type Units = BTreeMap<String, String>;

/// What is done to which units.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Changes {
    /// Stopped before the activation.
    pub(crate) stop: BTreeSet<String>,
    /// Changed, and left as they run.
    pub(crate) keep: BTreeSet<String>,
    /// Started after the activation.
    pub(crate) start: BTreeSet<String>,
    /// Restarted after the activation.
    pub(crate) restart: BTreeSet<String>,
    /// Reloaded after the activation.
    pub(crate) reload: BTreeSet<String>,
}

/// Targets that cannot be restarted as such.
const BASIC_TARGETS: [&str; 4] =
    ["sysinit.target", "basic.target", "multi-user.target", "graphical.target"];

/// Targets that stay active after what they are for is over.
const SLEEP_TARGETS: [&str; 3] = ["suspend.target", "hibernate.target", "hybrid-sleep.target"];

impl Changes {
    /// Compares the units of two systems, of which those in `active` run.
    pub(crate) fn between(old: &Units, new: &Units, active: &BTreeSet<String>) -> Self {
        let mut changes = Self::default();
        for unit in active {
            let base =
                template(unit).filter(|_| !old.contains_key(unit) && !new.contains_key(unit));
            let name = base.as_deref().unwrap_or(unit);
            let Some(before) = old.get(name) else { continue };
            match new.get(name) {
                None => {
                    if is_on(before, "X-StopOnRemoval", true) {
                        changes.stop.insert(unit.clone());
                    }
                }
                Some(after) if unit.ends_with(".target") => changes.target(unit, after),
                Some(after) if before != after => changes.changed(unit, after, active),
                Some(_) => {}
            }
        }
        changes
    }

    fn target(&mut self, unit: &str, text: &str) {
        let manual =
            is_on(text, "RefuseManualStart", false) || is_on(text, "X-OnlyManualStart", false);
        if !SLEEP_TARGETS.contains(&unit) && !manual {
            self.start.insert(unit.to_owned());
        }
        if is_on(text, "X-StopOnReconfiguration", false) {
            self.stop.insert(unit.to_owned());
        }
    }

    fn changed(&mut self, unit: &str, text: &str, active: &BTreeSet<String>) {
        let suffix = unit.rsplit('.').next().unwrap_or_default();
        let is_kept = !is_on(text, "X-RestartIfChanged", true)
            || is_on(text, "RefuseManualStop", false)
            || is_on(text, "X-OnlyManualStart", false);
        let owned = unit.to_owned();
        if BASIC_TARGETS.contains(&unit) || matches!(suffix, "socket" | "path" | "slice") {
            // They cannot be restarted, or would take what depends on them along.
        } else if suffix == "mount" || is_on(text, "X-ReloadIfChanged", false) {
            self.reload.insert(owned);
        } else if is_kept {
            self.keep.insert(owned);
        } else if !is_on(text, "X-StopIfChanged", true) {
            self.restart.insert(owned);
        } else {
            self.stop.insert(owned.clone());
            let sockets = sockets(unit, text);
            let listening: Vec<&String> =
                sockets.iter().filter(|socket| active.contains(*socket)).collect();
            if listening.is_empty() {
                self.start.insert(owned);
            }
            // A service that is started by its socket waits for it again.
            for socket in listening {
                self.stop.insert(socket.clone());
                self.start.insert(socket.clone());
            }
        }
    }

    /// Returns the changes as `systemctl` verbs with their units, in the order they are made.
    pub(crate) fn verbs(&self) -> [(&'static str, &BTreeSet<String>); 4] {
        [
            ("stop", &self.stop),
            ("reload", &self.reload),
            ("restart", &self.restart),
            ("start", &self.start),
        ]
    }
}

/// Returns the template of an instance: `getty@.service` of `getty@tty1.service`.
fn template(unit: &str) -> Option<String> {
    let (name, instance) = unit.split_once('@')?;
    let (_, suffix) = instance.rsplit_once('.')?;
    Some(format!("{name}@.{suffix}"))
}

/// Returns the last value of a key.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let of_key = |line: &'t str| line.strip_prefix(key)?.strip_prefix('=');
    text.lines().rev().find_map(of_key).map(str::trim)
}

fn is_on(text: &str, key: &str, default: bool) -> bool {
    value(text, key).map_or(default, |value| matches!(value, "yes" | "true" | "1" | "on"))
}

/// Returns the sockets that a service is started by.
fn sockets(unit: &str, text: &str) -> Vec<String> {
    let Some(name) = unit.strip_suffix(".service") else { return Vec::new() };
    match value(text, "Sockets") {
        Some(names) => names.split_whitespace().map(str::to_owned).collect(),
        None => vec![format!("{name}.socket")],
    }
}

#[cfg(test)]
mod tests {
    use super::{Changes, Units};
    use std::collections::BTreeSet;

    fn units(pairs: &[(&str, &str)]) -> Units {
        pairs.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect()
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn changed_services_stop_and_start() {
        let old = units(&[("a.service", "1"), ("same.service", "1"), ("gone.service", "")]);
        let new = units(&[("a.service", "2"), ("same.service", "1"), ("new.service", "")]);
        let active = names(&["a.service", "same.service", "gone.service"]);
        let changes = Changes::between(&old, &new, &active);
        assert_eq!(changes.stop, names(&["a.service", "gone.service"]));
        assert_eq!(changes.start, names(&["a.service"]));
        assert!(changes.restart.is_empty() && changes.reload.is_empty());
    }

    #[test]
    fn units_say_how_they_change() {
        let old = units(&[
            ("r.service", ""),
            ("k.service", ""),
            ("l.service", ""),
            ("g.service", "X-StopOnRemoval=false"),
        ]);
        let new = units(&[
            ("r.service", "X-StopIfChanged=false"),
            ("k.service", "X-RestartIfChanged=false"),
            ("l.service", "X-ReloadIfChanged=true"),
        ]);
        let active = names(&["r.service", "k.service", "l.service", "g.service"]);
        let changes = Changes::between(&old, &new, &active);
        assert_eq!(changes.restart, names(&["r.service"]));
        assert_eq!(changes.keep, names(&["k.service"]));
        assert_eq!(changes.reload, names(&["l.service"]));
        assert!(changes.stop.is_empty() && changes.start.is_empty());
    }

    #[test]
    fn instances_follow_their_template_and_services_their_sockets() {
        let old = units(&[("getty@.service", "1"), ("d.service", "1"), ("d.socket", "")]);
        let new = units(&[("getty@.service", "2"), ("d.service", "2"), ("d.socket", "")]);
        let active = names(&["getty@tty1.service", "d.service", "d.socket"]);
        let changes = Changes::between(&old, &new, &active);
        assert_eq!(changes.stop, names(&["getty@tty1.service", "d.service", "d.socket"]));
        assert_eq!(changes.start, names(&["getty@tty1.service", "d.socket"]));
    }

    #[test]
    fn active_targets_start_what_is_new_in_them() {
        let old = units(&[("multi-user.target", "1"), ("rescue.target", "")]);
        let new = units(&[("multi-user.target", "2"), ("rescue.target", "RefuseManualStart=yes")]);
        let changes = Changes::between(&old, &new, &names(&["multi-user.target", "rescue.target"]));
        assert_eq!(changes.start, names(&["multi-user.target"]));
    }
}
