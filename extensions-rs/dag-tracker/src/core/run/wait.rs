//! Waits: for a signal, an answer, an event, a moment. They hold no slot, and survive whatever the log survives.

use std::collections::{BTreeMap, VecDeque};

use symphony_expression::{Expression, Root};
use symphony_protocol::bounds::{EVENT_NAMES_MAX, INLINE_PAYLOAD_BYTES_MAX};
use symphony_protocol::subjects::EVERY_TENANT;
use symphony_protocol::{Happened, Signal, Value};
use symphony_workflow::{Approve, Wait};

use super::*;

/// Signals of one run that came before anybody waited for them.
const EARLY_COUNT_MAX: usize = 64;
/// Identifiers of signals that are remembered, so that a repeated message is one signal.
const SEEN_COUNT_MAX: usize = 64;

/// A signal as it was taken.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Word {
    pub name: String,
    pub value: Payload,
    /// Whom the broker knows the sender as.
    pub by: String,
    pub comment: String,
    pub at_ms: u64,
}

/// What a run hears from outside.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Mail {
    /// Executions that wait for a signal of a name, in the order in which they began to.
    pub waits: Vec<(String, ExecId)>,
    early: Option<Box<Early>>,
}

/// What few runs have: signals that nobody waited for yet, and identifiers of those that came.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Early {
    words: VecDeque<Word>,
    seen: VecDeque<String>,
}

impl Mail {
    /// Signals that are kept for who will wait for them.
    pub fn kept(&self) -> usize {
        self.early.as_ref().map_or(0, |early| early.words.len())
    }

    /// Remember a signal's identifier. False: it is known.
    fn is_new(&mut self, id: String) -> bool {
        let early = self.early.get_or_insert_default();
        if early.seen.contains(&id) {
            return false;
        }
        if early.seen.len() >= SEEN_COUNT_MAX {
            early.seen.pop_front();
        }
        early.seen.push_back(id);
        true
    }

    /// Take the first signal of a name that came early.
    fn take(&mut self, name: &str) -> Option<Word> {
        let words = &mut self.early.as_mut()?.words;
        let at = words.iter().position(|word| word.name == name)?;
        words.remove(at)
    }
}

/// Executions that wait for events of one name.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Listeners {
    /// Since when somebody does.
    pub since_ms: u64,
    /// Each with its generation, since when it waits, and the event that had been folded last before.
    pub execs: BTreeMap<ExecId, (u32, u64, u64)>,
}

impl Walk<'_> {
    pub(super) fn begin_wait(&mut self, id: ExecId, wait: &Wait) {
        let now_ms = self.context.time_ms;
        self.wait(id);
        match wait {
            Wait::Signal { name } => self.listen(id, name.clone()),
            Wait::Duration { ms } => self.set_own_timer(id, Due::Wait, now_ms.saturating_add(*ms)),
            Wait::Time(expression) => match self.moment(id, expression) {
                Ok(at_ms) if at_ms <= now_ms => self.waited(id, Value::Nil, Value::Nil, now_ms),
                Ok(at_ms) => self.set_own_timer(id, Due::Wait, at_ms),
                Err(problem) => self.fail(id, problem),
            },
            Wait::Event { name, .. } => {
                let listening = &mut self.context.listening;
                if !listening.contains_key(name) && listening.len() >= EVENT_NAMES_MAX {
                    let message = format!("runs wait for {EVENT_NAMES_MAX} names of events already");
                    return self.fail(id, error("limit", message));
                }
                let after = self.context.events_sequence;
                let generation = self.generation(id.frame).unwrap_or_default();
                let listeners = self.context.listening.entry(name.clone()).or_insert_with(|| {
                    self.effects.listens = true;
                    Listeners {
                        since_ms: now_ms,
                        ..Listeners::default()
                    }
                });
                listeners.execs.insert(id, (generation, now_ms, after));
            }
        }
    }

    /// A signal that is named like its task.
    pub(super) fn begin_approve(&mut self, id: ExecId, question: &symphony_expression::Template) {
        match self.render(id, question) {
            Ok(question) => {
                self.wait(id);
                if let Some(exec) = self.run.exec_mut(id) {
                    exec.inputs = question;
                }
                let name = self.run.path(id);
                self.listen(id, name);
            }
            Err(problem) => self.fail(id, problem),
        }
    }

    fn wait(&mut self, id: ExecId) {
        if let Some(exec) = self.run.exec_mut(id) {
            exec.status = Status::Waiting;
        }
    }

    /// Wait for a signal, unless one came early.
    fn listen(&mut self, id: ExecId, name: String) {
        let mail = self.run.mail.get_or_insert_default();
        mail.waits.reserve_exact(1);
        mail.waits.push((name.clone(), id));
        while let Some(word) = self.run.mail.as_mut().and_then(|mail| mail.take(&name)) {
            match self.hear(id, &word) {
                Ok(()) => return,
                Err(why) => self.note_signal(&word.by, name.clone(), Err(why)),
            }
        }
    }

    /// A signal has come: for who waits for it, else it is kept.
    pub(crate) fn signal(mut self, tenant: &str, signal: Signal) {
        let said = if signal.said_by.is_empty() {
            String::new()
        } else {
            format!(" (said to be by {})", signal.said_by)
        };
        let detail = format!("{}{said}", signal.comment);
        let mail = self.run.mail.get_or_insert_default();
        if !signal.id.is_empty() && !mail.is_new(signal.id) {
            return;
        }
        let word = Word {
            name: signal.name,
            value: signal.value,
            by: tenant.to_owned(),
            comment: signal.comment,
            at_ms: self.context.time_ms,
        };
        let waiting = mail.waits.iter().find(|(name, _)| *name == word.name);
        let heard = if word.value.len() > INLINE_PAYLOAD_BYTES_MAX
            || !symphony_protocol::raw::is_value(&word.value)
        {
            Err("its value is none, or too large".to_owned())
        } else if let Some((_, id)) = waiting {
            let id = *id;
            self.hear(id, &word)
        } else if mail.kept() >= EARLY_COUNT_MAX {
            Err("nobody waits for it, and too many are kept already".to_owned())
        } else {
            mail.early.get_or_insert_default().words.push_back(word.clone());
            Ok(())
        };
        self.note_signal(tenant, word.name, heard.map(|()| detail));
        self.finish();
    }

    /// What became of a signal: what it says, or why it was not taken.
    fn note_signal(&mut self, by: &str, name: String, heard: Result<String, String>) {
        self.run.note(Entry {
            sequence: self.context.sequence,
            at_ms: self.context.time_ms,
            event: "signal".into(),
            task: Some(name),
            attempt: 0,
            accepted: heard.is_ok(),
            by: by.to_owned(),
            detail: heard.unwrap_or_else(|why| why),
        });
    }

    /// An execution hears the signal it waited for. Or why it is not taken: it is no answer, or not by who may give it.
    fn hear(&mut self, id: ExecId, word: &Word) -> Result<(), String> {
        let no_answer = || "an answer is yes or no".to_owned();
        let plot = self.run.plot(id.frame).ok_or_else(no_answer)?;
        let node = plot.node(id.node).ok_or_else(no_answer)?;
        let value = Value::unpack(&word.value).map_err(|_| no_answer())?;
        let Kind::Approve(approve) = &node.kind else {
            self.waited(id, value, word.by.as_str().into(), word.at_ms);
            return Ok(());
        };
        if !answers(approve, &word.by) {
            return Err(format!("only {} may answer", approve.by.join(", ")));
        }
        let given = value.get("answer").unwrap_or(&value);
        let answer = match given {
            Value::Bool(answer) => *answer,
            Value::Str(text) if text == "yes" => true,
            Value::Str(text) if text == "no" => false,
            _ => return Err(no_answer()),
        };
        let comment = value
            .get("comment")
            .and_then(Value::as_str)
            .unwrap_or(&word.comment);
        if answer {
            let output = Value::from([
                ("answer", "yes".into()),
                ("by", word.by.as_str().into()),
                ("at", seconds(word.at_ms)),
                ("comment", comment.into()),
            ]);
            self.succeed(id, output.pack().into());
        } else {
            let why = if comment.is_empty() {
                String::new()
            } else {
                format!(": {comment}")
            };
            self.fail(id, error("rejected", format!("{} said no{why}", word.by)));
        }
        Ok(())
    }

    /// What was waited for has come.
    pub(super) fn waited(&mut self, id: ExecId, value: Value, by: Value, at_ms: u64) {
        let output = Value::from([("value", value), ("by", by), ("at", seconds(at_ms))]);
        self.succeed(id, output.pack().into());
    }

    /// An event that an execution waits for, if it is the one.
    pub(crate) fn happened(mut self, id: ExecId, happened: &Happened) {
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let Some(Kind::Wait(Wait::Event { condition, .. })) = plot.node(id.node).map(|node| &node.kind)
        else {
            return;
        };
        let holds = match condition {
            None => Ok(true),
            Some(condition) => {
                let scope = RunScope::at(self.run, id).with("event", Root::Raw(&happened.value));
                condition.truth(&scope)
            }
        };
        match holds {
            Ok(false) => return,
            Ok(true) => {
                let value = Value::unpack(&happened.value).unwrap_or_default();
                self.waited(id, value, Value::Nil, happened.at_ms);
            }
            // Anybody may publish an event of this name: one that the condition cannot be asked about is another one.
            Err(problem) => self.run.note(Entry {
                sequence: self.context.sequence,
                at_ms: self.context.time_ms,
                event: "event".into(),
                task: Some(self.run.path(id)),
                attempt: 0,
                accepted: false,
                by: happened.name.clone(),
                detail: problem.to_string().chars().take(500).collect(),
            }),
        }
        self.finish();
    }

    /// An execution waits no more.
    pub(super) fn leave_waits(&mut self, id: ExecId, node: &Node) {
        if let Some(mail) = self.run.mail.as_mut() {
            mail.waits.retain(|(_, waiting)| *waiting != id);
        }
        if let Kind::Wait(Wait::Event { name, .. }) = &node.kind
            && let Some(listeners) = self.context.listening.get_mut(name)
        {
            listeners.execs.remove(&id);
            if listeners.execs.is_empty() {
                self.context.listening.remove(name);
                self.effects.listens = true;
            }
        }
    }

    /// Seconds since the Unix epoch, or a text of RFC 3339, as milliseconds.
    fn moment(&self, id: ExecId, expression: &Expression) -> Result<u64, ErrorValue> {
        let value = expression
            .eval(&RunScope::at(self.run, id))
            .map_err(|problem| fault("", &problem))?;
        let found = match &value {
            Value::Str(text) => super::moment::parse_ms(text),
            value => value.as_f64().map(|seconds| (seconds * 1000.0).max(0.0) as u64),
        };
        found.ok_or_else(|| {
            error(
                "expression",
                "a time is a number of seconds or a text like 2030-01-31T12:00:00Z",
            )
        })
    }
}

/// Whether whoever the broker knows under this name may answer. Of a tenant's people it knows no more than the tenant.
fn answers(approve: &Approve, by: &str) -> bool {
    approve.by.is_empty() || by == EVERY_TENANT || approve.by.iter().any(|name| name == by)
}

impl Run {
    /// Whether an approval waits for a signal of this name that is another tenant's to answer.
    pub fn asks(&self, tenant: &str, name: &str) -> bool {
        let waits = self.mail.iter().flat_map(|mail| &mail.waits);
        let asks = |id: &ExecId| match self.spec(*id).map(|node| &node.kind) {
            Some(Kind::Approve(approve)) => approve.by.iter().any(|by| by == tenant),
            _ => false,
        };
        waits.filter(|(signal, _)| signal == name).any(|(_, id)| asks(id))
    }
}

fn seconds(at_ms: u64) -> Value {
    Value::Float(at_ms as f64 / 1000.0)
}
