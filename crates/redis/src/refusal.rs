//! Why Redis cannot be used: it cannot be reached, or takes no changes.

use std::fmt;

use redis::RedisError;
use tablecast_core::backend::{BackendError, Health};

/// Why a server cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It cannot be reached, for this reason.
    Away(String),
    /// It can be reached but takes no changes.
    Refusing {
        /// Why, in words that anybody may read.
        why: &'static str,
        /// The same in Redis' own words, for the log and the operator.
        words: String,
    },
}

impl Trouble {
    /// For a server that turns out to be a replica on connecting.
    pub(crate) fn replica() -> Trouble {
        Trouble::Refusing {
            why: "it is a read-only replica",
            words: "this server is a read-only replica".into(),
        }
    }

    /// For a change that was answered with this error.
    pub(crate) fn refusal(error: &RedisError) -> Trouble {
        Trouble::told_by(error).unwrap_or_else(|| Trouble::Refusing {
            why: "for a reason that is in the server's log",
            words: explain(error),
        })
    }

    /// The same, but only if the error means that Redis refuses work at the moment: not for
    /// a broken connection, and not for a faulty request.
    pub(crate) fn told_by(error: &RedisError) -> Option<Trouble> {
        let why = reason(&code_of(error)?)?;
        let words = explain(error);
        Some(Trouble::Refusing { why, words })
    }

    /// For a server that answered with this error in place of a useful answer.
    pub(crate) fn of(error: &RedisError) -> Trouble {
        Trouble::told_by(error).unwrap_or_else(|| Trouble::Away(explain(error)))
    }

    pub(crate) fn error(&self) -> BackendError {
        match self {
            Trouble::Away(reason) => BackendError::Unavailable(reason.clone()),
            Trouble::Refusing { why, .. } => BackendError::Refused((*why).to_owned()),
        }
    }

    pub(crate) fn health(&self) -> Health {
        match self.clone() {
            Trouble::Away(reason) => Health::Down(reason),
            Trouble::Refusing { why, words } => Health::Refusing {
                why: why.to_owned(),
                words,
            },
        }
    }
}

/// Nothing was asked of Redis, for this reason.
pub(crate) fn unavailable(reason: impl Into<String>) -> BackendError {
    BackendError::Unavailable(reason.into())
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Away(words) | Trouble::Refusing { words, .. } => f.write_str(words),
        }
    }
}

/// The meaning of each of Redis' codes, in general words.
fn reason(code: &str) -> Option<&'static str> {
    Some(match code {
        "OOM" => "its memory is full",
        "NOREPLICAS" => "too few of its replicas are there",
        "MISCONF" => "it cannot write to its disk",
        "READONLY" => "it is a read-only replica",
        "MASTERDOWN" => "it is a replica that has lost its primary",
        "LOADING" => "it is still loading its data",
        "BUSY" | "UNKILLABLE" => "it is busy with somebody else's script",
        "CLUSTERDOWN" => "a part of its Cluster is down",
        "NOPERM" => "this server has no right to make them",
        "NOAUTH" => "this server is not logged in there any more",
        _ => return None,
    })
}

/// The code of an answer. Redis 6.2 puts the error of a command in a script into the text
/// of another error: `ERR Error running script (…): @user_script:1:
/// @user_script: 1: -OOM command not allowed …`. For a missing right in a script neither 6.2 nor 7.0 has a code.
pub(crate) fn code_of(error: &RedisError) -> Option<String> {
    let server = error.clone().into_server_errors()?;
    let (_, first) = server.first()?;
    let details = first.details().unwrap_or_default();
    if first.code() == "ERR" && details.contains("The user executing the script can't") {
        return Some("NOPERM".to_owned());
    }
    if first.code() == "ERR" && details.starts_with("Error running script") {
        let is_code =
            |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let words = details.split_ascii_whitespace();
        let code = words
            .filter_map(|word| word.strip_prefix('-'))
            .find(is_code);
        if let Some(code) = code {
            return Some(code.to_owned());
        }
    }
    Some(first.code().to_owned())
}

/// Why Redis cannot be used, as one line of a log, and what to do if Redis' own words do
/// not say it.
pub(crate) fn explain(error: &RedisError) -> String {
    let told = error.clone().into_server_errors();
    let text = match told.as_deref() {
        // Redis' own words: redis-rs puts its own names before them.
        Some([(_, told), ..]) => format!("{} {}", told.code(), told.details().unwrap_or_default()),
        _ => error.to_string(),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.contains("NOAUTH") {
        "Redis asks for a password: redis://:PASSWORD@HOST".to_owned()
    } else if text.contains("cluster support disabled") {
        format!("{text}; use redis:// for a single Redis")
    } else {
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use redis::{RedisResult, Value, parse_redis_value};

    use super::*;

    fn error(line: &str) -> RedisError {
        let answer = parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        let failed: RedisResult<Value> = answer.extract_error();
        failed.unwrap_err()
    }

    /// The answers of Redis 6.2, 7.0 and later to a script whose first change they refuse.
    #[test]
    fn the_reason_is_found_in_what_each_version_answers() {
        let full = "its memory is full";
        let right = "this server has no right to make them";
        let wrapped = "ERR Error running script (call to f_08be): @user_script:1: @user_script: 1:";
        for (line, why) in [
            ("OOM command not allowed when used memory > 'maxmemory'. script: 08be, on @user_script:1.".to_owned(), full),
            (format!("{wrapped} -OOM command not allowed when used memory > 'maxmemory'."), full),
            ("NOPERM ACL failure in script: User x has no permissions to run the 'hset' command".to_owned(), right),
            ("ERR The user executing the script can't run this command or subcommand script: fab6, on @user_script:16.".to_owned(), right),
            (format!("{wrapped} The user executing the script can't run this command or subcommand"), right),
            (format!("{wrapped} -READONLY You can't write against a read only replica."), "it is a read-only replica"),
        ] {
            let told = Trouble::told_by(&error(&line)).unwrap();
            assert_eq!(told.error(), BackendError::Refused(why.into()), "{line}");
        }
        for other in [
            format!("{wrapped} -WRONGTYPE Operation against a key"),
            "ERR unknown command".to_owned(),
            "NOSCRIPT No matching script.".to_owned(),
        ] {
            assert_eq!(Trouble::told_by(&error(&other)), None, "{other}");
        }
    }

    #[test]
    fn what_strangers_are_told_names_no_user_and_no_host() {
        let refusal = Trouble::refusal(&error("NOPERM User secret has no permissions"));
        assert!(refusal.to_string().contains("secret"));
        assert!(!refusal.error().to_string().contains("secret"));
        let unheard = Trouble::refusal(&error("ODD at 10.0.0.1"));
        assert!(!unheard.error().to_string().contains("10.0.0.1"));
    }

    #[test]
    fn an_error_is_one_line_that_says_what_to_do() {
        let broken = |text: &str| {
            let text = text.to_owned();
            RedisError::from((redis::ErrorKind::Io, "said", text))
        };
        for (text, part) in [
            ("NOAUTH Authentication required.", "redis://:PASSWORD@HOST"),
            (
                "ERR This instance has cluster support disabled",
                "use redis:// for a single Redis",
            ),
            ("one\r\n  two\n", "one two"),
        ] {
            let explained = explain(&broken(text));
            assert!(explained.contains(part), "{explained}");
            assert_eq!(explained.lines().count(), 1, "{explained}");
        }
    }
}
