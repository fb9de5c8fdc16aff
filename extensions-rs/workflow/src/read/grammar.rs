//! The words of the language.

/// Of a document.
pub const DOCUMENT_WORDS: &[&str] = &[
    "workflow",
    "version",
    "description",
    "inputs",
    "defaults",
    "deadline",
    "budget",
    "priority",
    "tags",
    "lock",
    "tasks",
    "outputs",
    "on_failure",
];
/// Of a task.
pub const TASK_WORDS: &[&str] = &[
    "call",
    "value",
    "workflow",
    "inline",
    "switch",
    "repeat",
    "wait_for",
    "approve",
    "description",
    "with",
    "after",
    "when",
    "for_each",
    "as",
    "max_parallel",
    "batch",
    "min_success",
    "ordered",
    "retry",
    "timeout",
    "fallback",
    "on_failure",
    "compensate",
    "lock",
    "semaphore",
    "rate",
    "resources",
    "labels",
    "pool",
    "priority",
    "deadline",
    "budget",
    "cache",
    "checkpoint",
    "pure",
    "retry_safe",
];
/// What a task can be; it is exactly one of these.
pub const FORMS: &[&str] = &[
    "call", "value", "workflow", "switch", "repeat", "wait_for", "approve",
];
/// Words that mean something for some forms only, those forms, and what to do elsewhere.
pub const ONLY_FOR: &[(&str, &[&str], &str)] = &[
    ("inline", &["workflow"], "leave it out"),
    (
        "with",
        &["call", "workflow"],
        "refer to values where they are used",
    ),
    (
        "retry",
        &["call", "workflow"],
        "give it to the calls inside, or leave it out",
    ),
    (
        "timeout",
        &["call", "workflow", "switch", "repeat", "wait_for", "approve"],
        "leave it out",
    ),
    (
        "deadline",
        &["call", "workflow", "switch", "repeat", "wait_for", "approve"],
        "leave it out",
    ),
    (
        "compensate",
        &["call", "workflow", "switch", "repeat"],
        "leave it out: there is nothing to undo",
    ),
    (
        "priority",
        &["call", "workflow", "switch", "repeat"],
        "leave it out: it takes no slot",
    ),
    (
        "budget",
        &["call", "workflow", "switch", "repeat"],
        "leave it out",
    ),
    ("lock", &["call"], HOLD_SEVERAL),
    ("semaphore", &["call"], HOLD_SEVERAL),
    ("rate", &["call"], "give it to the calls inside"),
    ("cache", &["call"], "give it to a call"),
    ("resources", &["call"], "leave it out: it runs nowhere"),
    ("labels", &["call"], "leave it out: it runs nowhere"),
    ("pool", &["call"], "leave it out: it runs nowhere"),
    ("pure", &["call"], "leave it out"),
    ("retry_safe", &["call"], "leave it out"),
];
const HOLD_SEVERAL: &str =
    "give it to a call, or hold several tasks with the workflow's `lock: {key, scope}`";
/// Words that say how a map goes.
pub const MAP_WORDS: &[&str] = &["as", "max_parallel", "batch", "min_success", "ordered"];
/// What expressions see without being told; nothing else may be called so.
pub const SEEN_NAMES: &[&str] = &[
    "inputs",
    "tasks",
    "tasks_meta",
    "run",
    "index",
    "state",
    "iteration",
    "output",
    "event",
];
/// Of `retry`.
pub const RETRY_WORDS: &[&str] = &[
    "max_attempts",
    "backoff",
    "factor",
    "max_backoff",
    "jitter",
    "max_elapsed",
    "on",
    "not_on",
];
/// Types of inputs.
pub const TYPES: &[&str] = &[
    "string",
    "integer",
    "number",
    "boolean",
    "object",
    "array",
    "file",
    "directory",
    "artifact",
    "any",
];
