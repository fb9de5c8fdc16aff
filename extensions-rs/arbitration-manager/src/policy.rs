//! The policy in force: the configuration's, or the last version that an operator applied.

use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use serde::Deserialize;
use symphony_protocol::{AskPolicy, AskPolicyAction, Policy, PolicyShow, decode, encode, subjects};
use symphony_sdk::bus::publish_error;
use symphony_sdk::{Bus, Error, ErrorKind};

use crate::core::Arbiter;
use crate::options::Options;

const STREAM: &str = "SYM_POLICIES";

/// Versions on the broker, and the one in force here.
pub struct Policies {
    bus: Bus,
    configured: Options,
    current: Policy,
    /// Of the last version, in its stream.
    sequence: u64,
}

impl Policies {
    /// Nothing applied, as it is with an empty stream.
    pub fn new(bus: &Bus, configured: Options) -> Self {
        Self {
            bus: bus.clone(),
            configured,
            current: Policy {
                version: 0,
                ..Default::default()
            },
            sequence: 0,
        }
    }

    /// Take up the last version, where there is one that this service can read.
    pub async fn load(&mut self, arbiter: &mut Arbiter, now_ms: u64) -> Result<(), Error> {
        let subject = subjects::policy("arbitration");
        let stream = self.bus.jetstream().get_stream_no_info(STREAM).await;
        let stream = stream.map_err(Error::unavailable)?;
        let found = match stream.direct_get_last_for_subject(subject).await {
            Ok(found) => found,
            Err(error) if error.kind() == async_nats::jetstream::stream::DirectGetErrorKind::NotFound => {
                return Ok(());
            }
            Err(error) => return Err(Error::unavailable(error)),
        };
        let policy: Policy = decode(&found.payload)?;
        self.sequence = found.sequence;
        match self.options(&policy.document) {
            Ok(options) => arbiter.adopt(options, policy.version, now_ms),
            Err(error) => {
                tracing::error!(%error, version = policy.version, "the applied policy cannot be read any more: the configuration's is in force")
            }
        }
        self.current = policy;
        Ok(())
    }

    /// A document's options; of an empty one those of the configuration.
    fn options(&self, document: &str) -> Result<Options, Error> {
        if document.trim().is_empty() {
            return Ok(self.configured.clone());
        }
        read(document)
    }

    /// Whether somebody applied one meanwhile is seen where `expected` is given, and by the broker in any case.
    pub async fn answer(
        &mut self,
        ask: AskPolicy,
        arbiter: &mut Arbiter,
        now_ms: u64,
    ) -> Result<PolicyShow, Error> {
        match ask.action {
            AskPolicyAction::Show => Ok(self.show()),
            AskPolicyAction::Try => {
                let options = self.options(&ask.document)?;
                let (decisions, changed) = arbiter.compare(&options);
                Ok(PolicyShow {
                    decisions: u64::try_from(decisions).unwrap_or_default(),
                    changed,
                    ..self.show()
                })
            }
            AskPolicyAction::Apply if ask.document.trim().is_empty() => Err(Error::new(
                ErrorKind::Invalid,
                "the policy is empty; `reset` goes back to the configuration's",
            )),
            AskPolicyAction::Apply => self.apply(ask, arbiter, now_ms).await,
            AskPolicyAction::Reset => {
                let document = String::new();
                self.apply(AskPolicy { document, ..ask }, arbiter, now_ms).await
            }
        }
    }

    async fn apply(
        &mut self,
        ask: AskPolicy,
        arbiter: &mut Arbiter,
        now_ms: u64,
    ) -> Result<PolicyShow, Error> {
        let options = self.options(&ask.document)?;
        let version = self.current.version;
        if let Some(expected) = ask.expected.filter(|expected| *expected != version) {
            let text =
                format!("version {version} is in force, not {expected}: look at it, and apply yours again");
            return Err(Error::new(ErrorKind::Fenced, text));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let policy = Policy {
            version: version + 1,
            document: ask.document,
            applied_at_ms: u64::try_from(since.as_millis()).unwrap_or_default(),
            reason: ask.reason,
            ..Default::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
            self.sequence.to_string().as_str(),
        );
        let sent = self
            .bus
            .publish_log(
                subjects::policy("arbitration"),
                encode(&policy)?.into(),
                Some(headers),
            )
            .await?;
        self.sequence = sent.await.map_err(publish_error)?.sequence;
        arbiter.adopt(options, policy.version, now_ms);
        tracing::info!(version = policy.version, "another policy is in force");
        self.current = policy;
        Ok(self.show())
    }

    fn show(&self) -> PolicyShow {
        PolicyShow {
            version: self.current.version,
            document: self.current.document.clone(),
            applied_at_ms: self.current.applied_at_ms,
            reason: self.current.reason.clone(),
            ..Default::default()
        }
    }
}

/// Options from a document: the section `[arbitration]`, or its inside alone. Kind `Config`: what is wrong, and where.
pub fn read(document: &str) -> Result<Options, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whole {
        arbitration: Options,
    }
    let wrong = |error: &toml::de::Error| {
        let at = error.span().and_then(|span| document.get(..span.start));
        let line = at.map_or(1, |before| before.matches('\n').count() + 1);
        let message = error.message().replace('\n', " ");
        Error::new(ErrorKind::Config, format!("the policy, line {line}: {message}"))
    };
    let table: toml::Table = toml::from_str(document).map_err(|error| wrong(&error))?;
    let options = if table.contains_key("arbitration") {
        toml::from_str::<Whole>(document).map(|whole| whole.arbitration)
    } else {
        toml::from_str::<Options>(document)
    };
    let options = options.map_err(|error| wrong(&error))?;
    options.check()?;
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_and_its_inside_say_the_same() {
        let inside = read("starvation_ms = 5\n[tenants.acme]\nweight = 2.0").unwrap();
        let section =
            read("[arbitration]\nstarvation_ms = 5\n[arbitration.tenants.acme]\nweight = 2.0").unwrap();
        for options in [inside, section] {
            assert_eq!(options.starvation_ms, 5);
            assert!((options.tenants["acme"].weight - 2.0).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line_with_its_place() {
        for (document, said) in [
            ("starvation_ms = 5\nstarve = 3", "line 2: unknown field `starve`"),
            ("starvation_ms = ", "line 1"),
            ("[tenants.a]\nweight = 0.0", "tenants.a: weight"),
            (
                "[strategies.f]\nby = \"fastest\"",
                "line 2: unknown variant `fastest`",
            ),
        ] {
            let error = read(document).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{document}");
            let text = error.to_string();
            assert!(text.contains(said) && !text.contains('\n'), "{text}");
        }
    }
}
