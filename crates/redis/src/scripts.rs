//! The Lua scripts, and how one is called.
//!
//! Each gets the history of the connection's Redis process as `ARGV[1]`; the files describe
//! the other arguments.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// One script and its hash.
pub(crate) struct RoomScript {
    /// Whether it changes anything: this decides the meaning of a lost answer.
    pub(crate) is_change: bool,
    code: &'static str,
    hash: LazyLock<String>,
}

macro_rules! script {
    ($name:ident, $is_change:literal, $($file:literal),+) => {
        pub(crate) static $name: RoomScript = RoomScript {
            is_change: $is_change,
            code: concat!($(include_str!($file)),+),
            hash: LazyLock::new(|| Script::new($name.code).get_hash().to_owned()),
        };
    };
}

script!(CREATE, true, "scripts/room.lua", "scripts/create.lua");
script!(LOAD, false, "scripts/room.lua", "scripts/load.lua");
script!(COMMIT, true, "scripts/room.lua", "scripts/commit.lua");
script!(SIGNAL, false, "scripts/signal.lua");
script!(KEEPSAKE, false, "scripts/keepsake.lua");
script!(RENEW, true, "scripts/renew.lua");
script!(RELEASE, true, "scripts/release.lua");
script!(NOTE, true, "scripts/note.lua");
script!(DUE, false, "scripts/due.lua");
script!(FORGET, true, "scripts/forget.lua");
script!(CHECK, true, "scripts/check.lua");

/// One call of a script, independent of the connection.
pub(crate) struct Call<'a> {
    pub(crate) script: &'static RoomScript,
    /// All in one slot.
    pub(crate) keys: &'a [&'a str],
    /// Follow the history.
    pub(crate) args: &'a [&'a [u8]],
}

impl Call<'_> {
    /// By its hash, which Redis usually knows.
    pub(crate) fn by_hash(&self, history: &str) -> Cmd {
        self.command("EVALSHA", self.script.hash.as_bytes(), history)
    }

    /// With its code, after which Redis knows the hash.
    pub(crate) fn by_code(&self, history: &str) -> Cmd {
        self.command("EVAL", self.script.code.as_bytes(), history)
    }

    fn command(&self, name: &str, script: &[u8], history: &str) -> Cmd {
        let bytes = self.args.iter().map(|arg| arg.len()).sum::<usize>()
            + self.keys.iter().map(|key| key.len()).sum::<usize>()
            + (name.len() + script.len() + history.len() + 1);
        let mut command = Cmd::with_capacity(4 + self.keys.len() + self.args.len(), bytes);
        command
            .arg(name)
            .arg(script)
            .arg(self.keys.len())
            .arg(self.keys)
            .arg(history);
        for arg in self.args {
            command.arg(*arg);
        }
        command
    }
}
