//! The policy in force: the configuration's, or the last version that an operator applied.

use serde::Deserialize;
use symphony_protocol::{AskRetention, AskRetentionAction, RetentionShow};
use symphony_sdk::policies::Versions;
use symphony_sdk::{Bus, Error, ErrorKind};

use crate::core::Policy;

/// What the configuration says, and what operators have applied above it.
pub struct Policies {
    configured: Policy,
    versions: Versions,
}

impl Policies {
    /// Kind `Config`: the configuration's policy cannot be.
    pub async fn load(bus: &Bus, configured: Policy) -> Result<Self, Error> {
        checked(&configured, "[stale.retention]")?;
        Ok(Self {
            configured,
            versions: Versions::load(bus, "stale").await?,
        })
    }

    /// The policy in force and its version.
    pub fn current(&self) -> (Policy, u64) {
        let policy = self.versions.current();
        match self.read(&policy.document) {
            Ok(read) => (read, policy.version),
            Err(error) => {
                tracing::error!(%error, version = policy.version, "the applied policy cannot be read any more: the configuration's is in force");
                (self.configured.clone(), 0)
            }
        }
    }

    /// A document's policy; of an empty one that of the configuration.
    pub fn read(&self, document: &str) -> Result<Policy, Error> {
        if document.trim().is_empty() {
            return Ok(self.configured.clone());
        }
        read(document)
    }

    /// Have another in force from now on. Kind `Fenced`: somebody applied one meanwhile.
    pub async fn apply(&mut self, ask: AskRetention) -> Result<(), Error> {
        let reset = ask.action == AskRetentionAction::Reset;
        if !reset && ask.document.trim().is_empty() {
            let text = "the policy is empty; `reset` goes back to the configuration's";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let document = if reset { String::new() } else { ask.document };
        self.read(&document)?;
        let version = self.versions.current().version;
        if let Some(expected) = ask.expected.filter(|expected| *expected != version) {
            let text =
                format!("version {version} is in force, not {expected}: look at it, and apply yours again");
            return Err(Error::new(ErrorKind::Fenced, text));
        }
        let version = self.versions.add(document, ask.reason).await?.version;
        tracing::info!(version, "another retention policy is in force");
        Ok(())
    }

    /// The policy in force, with what was found out about one.
    pub fn show(&self, found: RetentionShow) -> RetentionShow {
        let policy = self.versions.current();
        RetentionShow {
            version: policy.version,
            document: policy.document.clone(),
            applied_at_ms: policy.applied_at_ms,
            reason: policy.reason.clone(),
            ..found
        }
    }
}

fn checked(policy: &Policy, place: &str) -> Result<(), Error> {
    let wrong = |why| Error::new(ErrorKind::Config, format!("{place}: {why}"));
    policy.check().map_err(wrong)
}

/// A policy from a document: the section `[retention]`, or its inside alone. Kind `Config`: what is wrong, and where.
pub fn read(document: &str) -> Result<Policy, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whole {
        retention: Policy,
    }
    let wrong = |error: &toml::de::Error| {
        let at = error.span().and_then(|span| document.get(..span.start));
        let line = at.map_or(1, |before| before.matches('\n').count() + 1);
        let message = error.message().replace('\n', " ");
        Error::new(ErrorKind::Config, format!("the policy, line {line}: {message}"))
    };
    let table: toml::Table = toml::from_str(document).map_err(|error| wrong(&error))?;
    let policy = if table.contains_key("retention") {
        toml::from_str::<Whole>(document).map(|whole| whole.retention)
    } else {
        toml::from_str::<Policy>(document)
    };
    let policy = policy.map_err(|error| wrong(&error))?;
    checked(&policy, "the policy")?;
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_and_its_inside_say_the_same() {
        let inside = read("days = 5\n[[rules]]\nname = \"a\"\ncount = 3").unwrap();
        let section = read("[retention]\ndays = 5\n[[retention.rules]]\nname = \"a\"\ncount = 3").unwrap();
        for policy in [inside, section] {
            assert!((policy.days - 5.0).abs() < f64::EPSILON);
            assert_eq!(policy.rules[0].count, Some(3));
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line_with_its_place() {
        for (document, said) in [
            ("days = 5\ndaze = 3", "line 2: unknown field `daze`"),
            ("days = ", "line 1"),
            ("[[rules]]\nname = \"a\"", "rule 1 (a): it limits nothing"),
            ("[[rules]]\nname = \"a\"\ncount = -1", "line 3"),
        ] {
            let error = read(document).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{document}");
            let text = error.to_string();
            assert!(text.contains(said) && !text.contains('\n'), "{text}");
        }
    }
}
