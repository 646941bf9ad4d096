//! One certificate: ordered, proved, fetched.

use std::io;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, Error as AcmeError, Identifier,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tablecast_http::tls::{CertificateError, ChallengeGuard, Tls};

use crate::config::ChallengeKind;
use crate::tls::redirect::{TokenGuard, Tokens};

/// How long the ACME server may take to look at the names, and to make the certificate.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));

/// What an ACME server says of an account that it does not have.
const UNKNOWN_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Why there is no certificate, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    #[error("{0}")]
    Acme(#[from] AcmeError),
    #[error("the ACME server did not find this site: {0}")]
    NotProved(String),
    #[error("the ACME server does not offer {challenge:?} for {name}")]
    NoChallenge {
        challenge: ChallengeType,
        name: String,
    },
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the answer to the ACME server cannot be made: {0}")]
    Answer(#[from] rcgen::Error),
    #[error("cannot use the directory of --acme-store, or answer: {0}")]
    Io(#[from] io::Error),
    #[error("it took too long")]
    Late,
}

impl OrderError {
    pub(super) fn is_unknown_account(&self) -> bool {
        match self {
            OrderError::Acme(AcmeError::Api(problem)) => {
                problem.r#type.as_deref() == Some(UNKNOWN_ACCOUNT)
            }
            _ => false,
        }
    }
}

/// What is asked for, and how it is proved.
pub(super) struct Ask<'a> {
    pub(super) domains: &'a [String],
    pub(super) challenge: ChallengeKind,
    pub(super) tls: &'a Tls,
    pub(super) tokens: &'a Tokens,
}

/// The answer to a challenge, while it lives.
enum Answer {
    Tls { _guard: ChallengeGuard },
    Http { _guard: TokenGuard },
}

impl Ask<'_> {
    /// The chain and the key, as PEM.
    pub(super) async fn order(&self, account: &Account) -> Result<String, OrderError> {
        let names: Vec<_> = self.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        let answers = self.answer(&mut order).await?;
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Ready) => {}
            Ok(_) | Err(AcmeError::Api(_)) => return Err(why_not(&mut order).await),
            Err(error) => return Err(error.into()),
        }
        drop(answers);
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&PATIENCE).await?;
        Ok(format!("{}\n{key}", chain.trim_end()))
    }

    /// Answers the challenges, and says so to the server.
    async fn answer(&self, order: &mut Order) -> Result<Vec<Answer>, OrderError> {
        let kind = match self.challenge {
            ChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
            ChallengeKind::Http01 => ChallengeType::Http01,
        };
        let mut answers = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            let Some(mut challenge) = authorization.challenge(kind.clone()) else {
                let challenge = kind;
                return Err(OrderError::NoChallenge { challenge, name });
            };
            answers.push(self.answer_one(name, &challenge)?);
            challenge.set_ready().await?;
        }
        Ok(answers)
    }

    fn answer_one(
        &self,
        name: String,
        challenge: &ChallengeHandle<'_>,
    ) -> Result<Answer, OrderError> {
        let text = challenge.key_authorization();
        Ok(match self.challenge {
            ChallengeKind::TlsAlpn01 => {
                let (shown, key) = challenge_certificate(&name, text.digest().as_ref())?;
                let _guard = self.tls.answer_challenge(name, shown, key)?;
                Answer::Tls { _guard }
            }
            ChallengeKind::Http01 => {
                let _guard = self.tokens.answer(&challenge.token, text.as_str());
                Answer::Http { _guard }
            }
        })
    }
}

/// What is shown in a handshake with an ACME server (RFC 8737, 3), and its key, in DER.
fn challenge_certificate(name: &str, digest: &[u8]) -> Result<(Vec<u8>, Vec<u8>), rcgen::Error> {
    let mut parameters = CertificateParams::new([name.to_owned()])?;
    let proof = CustomExtension::new_acme_identifier(digest);
    parameters.custom_extensions.push(proof);
    let key = KeyPair::generate()?;
    let shown = parameters.self_signed(&key)?;
    Ok((shown.der().to_vec(), key.serialize_der()))
}

/// What the server found at each name that it did not accept.
async fn why_not(order: &mut Order) -> OrderError {
    let mut found = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let name = authorization.identifier().to_string();
        let errors = authorization.challenges.iter();
        let errors = errors.filter_map(|challenge| challenge.error.as_ref());
        found.extend(errors.map(|error| {
            let detail = error.detail.as_deref().unwrap_or("no reason given");
            format!("{name}: {detail}")
        }));
    }
    match found.is_empty() {
        true => OrderError::NotProved("no reason given".to_owned()),
        false => OrderError::NotProved(found.join("; ")),
    }
}
