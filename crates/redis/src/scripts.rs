//! The Lua scripts, and how one is called.
//!
//! Each gets the history of the connection's Redis process as `ARGV[1]`; the rest is
//! described in the files.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// One script and its hash.
pub(crate) struct RoomScript {
    code: &'static str,
    hash: LazyLock<String>,
}

macro_rules! script {
    ($name:ident, $code:expr) => {
        pub(crate) static $name: RoomScript = RoomScript {
            code: $code,
            hash: LazyLock::new(|| hash_of($code)),
        };
    };
}

macro_rules! room_script {
    ($name:ident, $file:literal) => {
        script!(
            $name,
            concat!(include_str!("scripts/room.lua"), include_str!($file))
        );
    };
}

room_script!(CREATE, "scripts/create.lua");
room_script!(LOAD, "scripts/load.lua");
room_script!(COMMIT, "scripts/commit.lua");
script!(KEEPSAKE, include_str!("scripts/keepsake.lua"));
script!(RENEW, include_str!("scripts/renew.lua"));
script!(RELEASE, include_str!("scripts/release.lua"));
script!(CHECK, include_str!("scripts/check.lua"));

fn hash_of(code: &str) -> String {
    Script::new(code).get_hash().to_owned()
}

/// One call of a script, before it is known on which connection.
pub(crate) struct Call<'a> {
    pub(crate) script: &'static RoomScript,
    /// All in one slot.
    pub(crate) keys: &'a [&'a str],
    /// Follow the history.
    pub(crate) args: &'a [&'a [u8]],
}

impl Call<'_> {
    /// By its hash, as Redis usually knows it.
    pub(crate) fn by_hash(&self, history: &str) -> Cmd {
        self.command("EVALSHA", self.script.hash.as_bytes(), history)
    }

    /// With its code, which also makes the hash known.
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
