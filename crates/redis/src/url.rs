//! Where Redis is, as one URL.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

/// What is wrong with a Redis URL. It never contains the URL itself, which may contain a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("redis: {part} {problem}")]
pub struct UrlError {
    /// The wrong part.
    pub part: &'static str,
    /// What is wrong, and what is allowed.
    pub problem: String,
}

impl UrlError {
    fn new(part: &'static str, problem: impl Into<String>) -> Self {
        UrlError {
            part,
            problem: problem.into(),
        }
    }

    /// Adds how to write a password with a character that ends it in a URL: then the rest
    /// of the password was read as another part, and the error is about that part.
    fn about_credentials(mut self, rest: &str) -> Self {
        let credentials = rest.rsplit_once('@').map(|(credentials, _)| credentials);
        if credentials.is_some_and(|text| text.contains(['#', '?', '/', '@'])) {
            self.problem.push_str(
                "; `#`, `?`, `/` and `@` in a password are percent-encoded (%23, %3F, %2F, %40)",
            );
        }
        self
    }
}

pub(crate) fn wrong<T>(part: &'static str, problem: impl Into<String>) -> Result<T, UrlError> {
    Err(UrlError::new(part, problem))
}

/// Where Redis is, and what kind it is.
#[derive(Clone)]
pub(crate) enum Deployment {
    /// One server.
    Standalone(Box<ConnectionInfo>),
    /// A Cluster, known by one server or more.
    Cluster(Vec<ConnectionInfo>),
}

impl Deployment {
    pub(crate) fn parse(url: &str) -> Result<Deployment, UrlError> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return wrong("the scheme", format!("is missing; {SCHEMES}"));
        };
        match scheme {
            "redis" | "rediss" => server(scheme, rest)
                .map(|info| Deployment::Standalone(Box::new(info)))
                .map_err(|error| error.about_credentials(rest)),
            "redis+unix" => socket(url).map(|info| Deployment::Standalone(Box::new(info))),
            "redis-cluster" => cluster("redis", rest).map_err(|e| e.about_credentials(rest)),
            "rediss-cluster" => cluster("rediss", rest).map_err(|e| e.about_credentials(rest)),
            _ => wrong("the scheme", format!("is not known; {SCHEMES}")),
        }
    }

    /// One of the servers, for credentials and encryption.
    pub(crate) fn any(&self) -> Option<&ConnectionInfo> {
        match self {
            Deployment::Standalone(info) => Some(info),
            Deployment::Cluster(seeds) => seeds.first(),
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.any()
            .is_some_and(|info| matches!(info.addr(), ConnectionAddr::TcpTls { .. }))
    }
}

const SCHEMES: &str =
    "allowed are redis://, rediss://, redis+unix://, redis-cluster:// and rediss-cluster://";

/// `HOST:PORT,HOST:PORT`; the parts before and after apply to all servers.
fn cluster(scheme: &str, rest: &str) -> Result<Deployment, UrlError> {
    let (credentials, rest) = match rest.rsplit_once('@') {
        Some((credentials, rest)) => (format!("{credentials}@"), rest),
        None => (String::new(), rest),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (hosts, tail) = rest.split_at(end);
    if !matches!(tail, "" | "/") {
        return wrong(
            "the end",
            "holds more than the hosts; a Cluster has no numbered databases",
        );
    }
    let seeds = hosts
        .split(',')
        .map(|host| server(scheme, &format!("{credentials}{host}")));
    seeds.collect::<Result<_, _>>().map(Deployment::Cluster)
}

/// `[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`.
fn server(scheme: &str, rest: &str) -> Result<ConnectionInfo, UrlError> {
    let Some(url) = redis::parse_redis_url(&format!("{scheme}://{rest}")) else {
        return wrong(
            "the host or port",
            "cannot be read; it is HOST or HOST:PORT, with a port of 1 to 65535",
        );
    };
    if url.host_str().is_none_or(str::is_empty) {
        return wrong("the host", "is missing; it is HOST or HOST:PORT");
    }
    if url.port() == Some(0) {
        return wrong("the port", "is 0; allowed are 1 to 65535");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("the end", "holds '?' or '#', which are not allowed");
    }
    let database = url.path().trim_matches('/');
    if !database.is_empty() && database.parse::<u16>().is_err() {
        return wrong("the database", "is not a number from 0 to 65535");
    }
    info(url)
}

/// `PATH[?db=…&user=…&pass=…]`.
fn socket(url: &str) -> Result<ConnectionInfo, UrlError> {
    match redis::parse_redis_url(url) {
        Some(url) if url.path().len() > 1 => info(url),
        _ => wrong(
            "the path",
            "is missing; it is redis+unix:///PATH/OF/THE/SOCKET",
        ),
    }
}

fn info(url: impl IntoConnectionInfo) -> Result<ConnectionInfo, UrlError> {
    // The message of redis-rs names a part, never a value with a secret; still its detail
    // is not repeated.
    let info = url.into_connection_info().map_err(|error| {
        UrlError::new("the URL", format!("cannot be read: {}", error.category()))
    })?;
    // Push messages report at once that a connection has ended or a subscription was moved
    // away. They need RESP3.
    let settings = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Ok(info.set_redis_settings(settings).set_tcp_settings(tcp))
}

/// The same credentials and encryption, at another address.
pub(crate) fn at_address(like: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let host = host.to_owned();
    let address = match like.addr() {
        ConnectionAddr::TcpTls {
            insecure,
            tls_params,
            ..
        } => ConnectionAddr::TcpTls {
            host,
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        _ => ConnectionAddr::Tcp(host, port),
    };
    like.clone().set_addr(address)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn error(url: &str) -> UrlError {
        match Deployment::parse(url) {
            Err(error) => error,
            Ok(_) => panic!("{url} was accepted"),
        }
    }

    #[test]
    fn a_wrong_url_is_told_by_its_part_and_never_shows_the_password() {
        for (url, part) in [
            ("127.0.0.1:6379", "the scheme"),
            ("http://u:geheim@127.0.0.1", "the scheme"),
            ("redis://u:geheim@host:99999", "the host or port"),
            ("redis://u:geheim@host:0", "the port"),
            ("redis://u:geheim@", "the host or port"),
            ("redis://u:geheim@host/lunch", "the database"),
            ("redis://u:geheim@host/0?protocol=2", "the end"),
            ("rediss://u:geheim@host/#insecure", "the end"),
            ("redis+unix://", "the path"),
            ("redis-cluster://u:geheim@a:1,b:1/3", "the end"),
            ("redis-cluster://u:geheim@a:1,,b:1", "the host or port"),
            ("redis-cluster://u:geheim@a:1,b:x", "the host or port"),
        ] {
            let error = error(url);
            assert_eq!(error.part, part, "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
        }
    }

    #[test]
    fn a_password_that_breaks_the_url_is_told_how_to_be_written() {
        for url in [
            "redis://:pa#ss@host",
            "redis://:pa?ss@host",
            "rediss://:pa/ss@host",
            "redis://u:12/ss@host",
            "redis://u:12#ss@host",
            "redis://u:p@ss/w@host",
            "redis-cluster://:pa#ss@a:1,b:2",
            "rediss-cluster://:12/ss@a:1,b:2",
        ] {
            let error = error(url).to_string();
            assert!(error.contains("percent-encoded"), "{url}: {error}");
        }
        for url in ["redis://:pass@host:0", "redis://host/lunch"] {
            let error = error(url).to_string();
            assert!(!error.contains("percent-encoded"), "{url}: {error}");
        }
    }

    #[test]
    fn every_server_of_a_cluster_has_the_credentials() {
        let Deployment::Cluster(seeds) =
            Deployment::parse("redis-cluster://me:p%40ss@a:7000,[::1]:7001").unwrap()
        else {
            panic!("not a cluster");
        };
        let addresses: Vec<_> = seeds.iter().map(|seed| seed.addr().to_string()).collect();
        assert_eq!(addresses, ["a:7000", "::1:7001"]);
        for seed in &seeds {
            assert_eq!(seed.redis_settings().username(), Some("me"));
            assert_eq!(seed.redis_settings().password(), Some("p@ss"));
        }
        let moved = at_address(&seeds[0], "c", 7002);
        assert_eq!(moved.addr().to_string(), "c:7002");
        assert_eq!(moved.redis_settings().password(), Some("p@ss"));
    }

    #[test]
    fn one_server_may_be_reached_by_tcp_tls_or_socket() {
        for (url, address) in [
            ("redis://127.0.0.1", "127.0.0.1:6379"),
            ("redis://127.0.0.1:7000/3", "127.0.0.1:7000"),
            ("rediss://redis.example:6380", "redis.example:6380"),
            ("redis+unix:///run/redis.sock", "/run/redis.sock"),
        ] {
            match Deployment::parse(url).unwrap() {
                Deployment::Standalone(info) => assert_eq!(info.addr().to_string(), address),
                Deployment::Cluster(_) => panic!("{url} is no cluster"),
            }
        }
    }
}
