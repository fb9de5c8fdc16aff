//! The policy in force: the configuration's, or the last version that an operator applied.

use serde::Deserialize;
use symphony_protocol::{AskPolicy, AskPolicyAction, PolicyShow};
use symphony_sdk::policies::Versions;
use symphony_sdk::{Bus, Error, ErrorKind};

use crate::core::Arbiter;
use crate::options::Options;

/// What the configuration says, and what operators have applied above it.
pub struct Policies {
    configured: Options,
    versions: Versions,
}

impl Policies {
    /// Have the last version in force, where there is one that this service can read.
    pub async fn load(
        bus: &Bus,
        configured: Options,
        arbiter: &mut Arbiter,
        now_ms: u64,
    ) -> Result<Self, Error> {
        let made = Self {
            configured,
            versions: Versions::load(bus, "arbitration").await?,
        };
        let policy = made.versions.current();
        if policy.version > 0 {
            match made.options(&policy.document) {
                Ok(options) => arbiter.adopt(options, policy.version, now_ms),
                Err(error) => {
                    tracing::error!(%error, version = policy.version, "the applied policy cannot be read any more: the configuration's is in force");
                }
            }
        }
        Ok(made)
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
        let version = self.versions.current().version;
        if let Some(expected) = ask.expected.filter(|expected| *expected != version) {
            let text =
                format!("version {version} is in force, not {expected}: look at it, and apply yours again");
            return Err(Error::new(ErrorKind::Fenced, text));
        }
        let version = self.versions.add(ask.document, ask.reason).await?.version;
        arbiter.adopt(options, version, now_ms);
        tracing::info!(version, "another policy is in force");
        Ok(self.show())
    }

    fn show(&self) -> PolicyShow {
        let policy = self.versions.current();
        PolicyShow {
            version: policy.version,
            document: policy.document.clone(),
            applied_at_ms: policy.applied_at_ms,
            reason: policy.reason.clone(),
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
