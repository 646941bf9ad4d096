//! Whether a room with mail waits for other members' commands.

/// Of this many commands that come alone, one waits to see whether others come with it. The
/// first number applies after one has waited in vain, which may have been an accident (the
/// runtime sometimes looks at its sockets before all ready tasks have run); the second
/// applies after another has. In a room where others come, every command waits; where they
/// do not, a useless wait is rare. One number is odd: if commands come in pairs, an even
/// number would always pick the second one.
const LONE_COMMANDS: (u32, u32) = (2, 11);

/// Remembers whether waiting was worth it.
#[derive(Default)]
pub(super) struct Gathering {
    /// How many more commands are decided without waiting.
    hasty: u32,
    /// The last command that waited for others waited in vain.
    was_alone: bool,
}

impl Gathering {
    /// Returns whether to wait this time.
    pub(super) fn waits(&mut self) -> bool {
        let waits = self.hasty == 0;
        self.hasty = self.hasty.saturating_sub(1);
        waits
    }

    /// Records that it waited and then found this many mails.
    pub(super) fn found(&mut self, mails: usize) {
        let is_alone = mails == 1;
        if is_alone {
            let (first, then) = LONE_COMMANDS;
            self.hasty = if self.was_alone { then } else { first } - 1;
        }
        self.was_alone = is_alone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_mostly_alone_seldom_waits_and_who_is_not_always_does() {
        let mut gathering = Gathering::default();
        // Lone commands: which of them waited.
        let waited: Vec<_> = (0..26)
            .filter(|_| {
                let waits = gathering.waits();
                if waits {
                    gathering.found(1);
                }
                waits
            })
            .collect();
        assert_eq!(waited, [0, 2, 13, 24]);
        while !gathering.waits() {}
        for _ in 0..10 {
            gathering.found(2);
            assert!(gathering.waits());
        }
    }
}
