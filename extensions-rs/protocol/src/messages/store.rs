// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! The Artifact Store's operations: `sym.pit.store.put[.<tenant>]` and `sym.pit.store.get` for workers, the others for

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

/// Where an artifact came from: the run and task that made it, and the artifacts that it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    #[serde(default)]
    pub run: Option<String>,
    #[serde(default)]
    pub task: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub inputs: Vec<String>,
}

impl Default for Lineage {
    fn default() -> Self {
        Self {
            run: Default::default(),
            task: Default::default(),
            name: Default::default(),
            inputs: Default::default(),
        }
    }
}

impl Bounded for Lineage {
    fn check(&self) -> Verdict {
        if let Some(item0) = &self.run {
            check::run_id("run", item0)?;
        }
        if let Some(item0) = &self.task {
            check::text("task", item0, 1, 512)?;
        }
        if let Some(item0) = &self.name {
            check::text("name", item0, 1, 128)?;
        }
        check::count("inputs", self.inputs.len(), 0, 4096)?;
        for item0 in &self.inputs {
            check::digest("inputs", item0)?;
        }
        Ok(())
    }
}

fn default_put_whole_v() -> u8 {
    1
}
fn default_put_whole_media_type() -> String {
    "application/octet-stream".to_owned()
}
/// A blob of one chunk at most, stored in one exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutWhole {
    #[serde(default = "default_put_whole_v")]
    pub v: u8,
    pub data: Payload,
    #[serde(default = "default_put_whole_media_type")]
    pub media_type: String,
    #[serde(default)]
    pub lineage: Lineage,
}

impl Default for PutWhole {
    fn default() -> Self {
        Self {
            v: default_put_whole_v(),
            data: Default::default(),
            media_type: default_put_whole_media_type(),
            lineage: Default::default(),
        }
    }
}

impl Bounded for PutWhole {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::bytes("data", self.data.len(), 1048576)?;
        check::text("media_type", &self.media_type, 1, 128)?;
        self.lineage.check()?;
        Ok(())
    }
}

fn default_put_item_media_type() -> String {
    "application/octet-stream".to_owned()
}
/// One of many small blobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutItem {
    pub data: Payload,
    #[serde(default = "default_put_item_media_type")]
    pub media_type: String,
    #[serde(default)]
    pub lineage: Lineage,
}

impl Default for PutItem {
    fn default() -> Self {
        Self {
            data: Default::default(),
            media_type: default_put_item_media_type(),
            lineage: Default::default(),
        }
    }
}

impl Bounded for PutItem {
    fn check(&self) -> Verdict {
        check::bytes("data", self.data.len(), 1048576)?;
        check::text("media_type", &self.media_type, 1, 128)?;
        self.lineage.check()?;
        Ok(())
    }
}

fn default_put_many_v() -> u8 {
    1
}
/// Small blobs, a chunk's bytes together at most, stored in one exchange and with one sync: all of them or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutMany {
    #[serde(default = "default_put_many_v")]
    pub v: u8,
    pub items: Vec<PutItem>,
}

impl Default for PutMany {
    fn default() -> Self {
        Self {
            v: default_put_many_v(),
            items: Default::default(),
        }
    }
}

impl Bounded for PutMany {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("items", self.items.len(), 1, 1024)?;
        for item0 in &self.items {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_put_open_v() -> u8 {
    1
}
fn default_put_open_media_type() -> String {
    "application/octet-stream".to_owned()
}
/// Begin an upload. With `digest`, a store that has it already answers `have` and nothing need be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutOpen {
    #[serde(default = "default_put_open_v")]
    pub v: u8,
    #[serde(default)]
    pub size_bytes: Option<u64>,
    #[serde(default)]
    pub digest: Option<String>,
    #[serde(default = "default_put_open_media_type")]
    pub media_type: String,
    #[serde(default)]
    pub lineage: Lineage,
}

impl Default for PutOpen {
    fn default() -> Self {
        Self {
            v: default_put_open_v(),
            size_bytes: Default::default(),
            digest: Default::default(),
            media_type: default_put_open_media_type(),
            lineage: Default::default(),
        }
    }
}

impl Bounded for PutOpen {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.size_bytes {
            check::range("size_bytes", *item0, 0, 9223372036854775807)?;
        }
        if let Some(item0) = &self.digest {
            check::digest("digest", item0)?;
        }
        check::text("media_type", &self.media_type, 1, 128)?;
        self.lineage.check()?;
        Ok(())
    }
}

fn default_put_chunk_v() -> u8 {
    1
}
/// The `index`-th piece, from 0, all of the same size but the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutChunk {
    #[serde(default = "default_put_chunk_v")]
    pub v: u8,
    pub upload: String,
    pub index: u64,
    pub data: Payload,
}

impl Default for PutChunk {
    fn default() -> Self {
        Self {
            v: default_put_chunk_v(),
            upload: Default::default(),
            index: Default::default(),
            data: Default::default(),
        }
    }
}

impl Bounded for PutChunk {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("upload", &self.upload, 1, 128)?;
        check::range("index", self.index, 0, 9223372036854775807)?;
        check::bytes("data", self.data.len(), 1048576)?;
        Ok(())
    }
}

fn default_put_commit_v() -> u8 {
    1
}
/// All pieces are sent. `digest`, when given, must be what the store computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutCommit {
    #[serde(default = "default_put_commit_v")]
    pub v: u8,
    pub upload: String,
    pub chunks: u64,
    #[serde(default)]
    pub digest: Option<String>,
}

impl Default for PutCommit {
    fn default() -> Self {
        Self {
            v: default_put_commit_v(),
            upload: Default::default(),
            chunks: Default::default(),
            digest: Default::default(),
        }
    }
}

impl Bounded for PutCommit {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("upload", &self.upload, 1, 128)?;
        check::range("chunks", self.chunks, 0, 9223372036854775807)?;
        if let Some(item0) = &self.digest {
            check::digest("digest", item0)?;
        }
        Ok(())
    }
}

fn default_put_abort_v() -> u8 {
    1
}
/// Forget the upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutAbort {
    #[serde(default = "default_put_abort_v")]
    pub v: u8,
    pub upload: String,
}

impl Default for PutAbort {
    fn default() -> Self {
        Self {
            v: default_put_abort_v(),
            upload: Default::default(),
        }
    }
}

impl Bounded for PutAbort {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("upload", &self.upload, 1, 128)?;
        Ok(())
    }
}

fn default_put_reply_v() -> u8 {
    1
}
fn default_put_reply_ok() -> bool {
    true
}
fn default_put_reply_chunk_bytes() -> u64 {
    1048576
}
/// The answer to any put: `upload` after open, `digest` once the blob is stored, else an error's kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutReply {
    #[serde(default = "default_put_reply_v")]
    pub v: u8,
    #[serde(default = "default_put_reply_ok")]
    pub ok: bool,
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub upload: Option<String>,
    #[serde(default = "default_put_reply_chunk_bytes")]
    pub chunk_bytes: u64,
    #[serde(default)]
    pub have: bool,
    #[serde(default)]
    pub digest: Option<String>,
    #[serde(default)]
    pub digests: Vec<String>,
    #[serde(default)]
    pub size_bytes: u64,
}

impl Default for PutReply {
    fn default() -> Self {
        Self {
            v: default_put_reply_v(),
            ok: default_put_reply_ok(),
            kind: Default::default(),
            message: Default::default(),
            upload: Default::default(),
            chunk_bytes: default_put_reply_chunk_bytes(),
            have: Default::default(),
            digest: Default::default(),
            digests: Default::default(),
            size_bytes: Default::default(),
        }
    }
}

impl Bounded for PutReply {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.kind {
            check::text("kind", item0, 1, 128)?;
        }
        check::text("message", &self.message, 0, 4096)?;
        if let Some(item0) = &self.upload {
            check::text("upload", item0, 1, 128)?;
        }
        check::range("chunk_bytes", self.chunk_bytes, 0, 9223372036854775807)?;
        if let Some(item0) = &self.digest {
            check::digest("digest", item0)?;
        }
        check::count("digests", self.digests.len(), 0, 1024)?;
        for item0 in &self.digests {
            check::digest("digests", item0)?;
        }
        check::range("size_bytes", self.size_bytes, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_get_v() -> u8 {
    1
}
fn default_get_length() -> u32 {
    1048576
}
/// A piece of a blob, from `offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Get {
    #[serde(default = "default_get_v")]
    pub v: u8,
    pub digest: String,
    #[serde(default)]
    pub offset: u64,
    #[serde(default = "default_get_length")]
    pub length: u32,
}

impl Default for Get {
    fn default() -> Self {
        Self {
            v: default_get_v(),
            digest: Default::default(),
            offset: Default::default(),
            length: default_get_length(),
        }
    }
}

impl Bounded for Get {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::digest("digest", &self.digest)?;
        check::range("offset", self.offset, 0, 9223372036854775807)?;
        check::range("length", self.length, 1, 1048576)?;
        Ok(())
    }
}

fn default_get_reply_v() -> u8 {
    1
}
fn default_get_reply_ok() -> bool {
    true
}
fn default_get_reply_media_type() -> String {
    "application/octet-stream".to_owned()
}
/// The piece and the whole's size; `kind` `not_found` or `corrupt` where it cannot be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GetReply {
    #[serde(default = "default_get_reply_v")]
    pub v: u8,
    #[serde(default = "default_get_reply_ok")]
    pub ok: bool,
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub data: Payload,
    #[serde(default)]
    pub size_bytes: u64,
    #[serde(default = "default_get_reply_media_type")]
    pub media_type: String,
}

impl Default for GetReply {
    fn default() -> Self {
        Self {
            v: default_get_reply_v(),
            ok: default_get_reply_ok(),
            kind: Default::default(),
            message: Default::default(),
            data: Default::default(),
            size_bytes: Default::default(),
            media_type: default_get_reply_media_type(),
        }
    }
}

impl Bounded for GetReply {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.kind {
            check::text("kind", item0, 1, 128)?;
        }
        check::text("message", &self.message, 0, 4096)?;
        check::bytes("data", self.data.len(), 1048576)?;
        check::range("size_bytes", self.size_bytes, 0, 9223372036854775807)?;
        check::text("media_type", &self.media_type, 1, 128)?;
        Ok(())
    }
}

/// One artifact as listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactView {
    pub digest: String,
    pub size_bytes: u64,
    pub stored_bytes: u64,
    pub media_type: String,
    pub created_at_ms: u64,
    #[serde(default)]
    pub lineage: Vec<Lineage>,
}

impl Default for ArtifactView {
    fn default() -> Self {
        Self {
            digest: Default::default(),
            size_bytes: Default::default(),
            stored_bytes: Default::default(),
            media_type: Default::default(),
            created_at_ms: Default::default(),
            lineage: Default::default(),
        }
    }
}

impl Bounded for ArtifactView {
    fn check(&self) -> Verdict {
        check::digest("digest", &self.digest)?;
        check::range("size_bytes", self.size_bytes, 0, 9223372036854775807)?;
        check::range("stored_bytes", self.stored_bytes, 0, 9223372036854775807)?;
        check::text("media_type", &self.media_type, 1, 128)?;
        check::range("created_at_ms", self.created_at_ms, 0, 9223372036854775807)?;
        check::count("lineage", self.lineage.len(), 0, 64)?;
        for item0 in &self.lineage {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_list_artifacts_v() -> u8 {
    1
}
fn default_list_artifacts_limit() -> u32 {
    100
}
/// `sym.pit.store.list`: newest first, of one run where given, or whose digest begins with `prefix`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListArtifacts {
    #[serde(default = "default_list_artifacts_v")]
    pub v: u8,
    #[serde(default)]
    pub run: Option<String>,
    #[serde(default)]
    pub prefix: String,
    #[serde(default = "default_list_artifacts_limit")]
    pub limit: u32,
    #[serde(default)]
    pub cursor: u64,
}

impl Default for ListArtifacts {
    fn default() -> Self {
        Self {
            v: default_list_artifacts_v(),
            run: Default::default(),
            prefix: Default::default(),
            limit: default_list_artifacts_limit(),
            cursor: Default::default(),
        }
    }
}

impl Bounded for ListArtifacts {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.run {
            check::run_id("run", item0)?;
        }
        check::digest_prefix("prefix", &self.prefix)?;
        check::range("limit", self.limit, 1, 1000)?;
        check::range("cursor", self.cursor, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_artifact_list_v() -> u8 {
    1
}
/// A page of artifacts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactList {
    #[serde(default = "default_artifact_list_v")]
    pub v: u8,
    #[serde(default)]
    pub artifacts: Vec<ArtifactView>,
    #[serde(default)]
    pub next: Option<u64>,
}

impl Default for ArtifactList {
    fn default() -> Self {
        Self {
            v: default_artifact_list_v(),
            artifacts: Default::default(),
            next: Default::default(),
        }
    }
}

impl Bounded for ArtifactList {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("artifacts", self.artifacts.len(), 0, 4096)?;
        for item0 in &self.artifacts {
            item0.check()?;
        }
        if let Some(item0) = &self.next {
            check::range("next", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

fn default_verify_v() -> u8 {
    1
}
/// `sym.pit.store.verify`: read a blob, or all of them, and compare with the digests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verify {
    #[serde(default = "default_verify_v")]
    pub v: u8,
    #[serde(default)]
    pub digest: Option<String>,
    #[serde(default)]
    pub repair: bool,
}

impl Default for Verify {
    fn default() -> Self {
        Self {
            v: default_verify_v(),
            digest: Default::default(),
            repair: Default::default(),
        }
    }
}

impl Bounded for Verify {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        if let Some(item0) = &self.digest {
            check::digest("digest", item0)?;
        }
        Ok(())
    }
}

/// An artifact that cannot be had, and who needs it: the runs that made or named it, and the values that name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Needed {
    pub digest: String,
    #[serde(default)]
    pub runs: Vec<String>,
    #[serde(default)]
    pub values: Vec<String>,
}

impl Default for Needed {
    fn default() -> Self {
        Self {
            digest: Default::default(),
            runs: Default::default(),
            values: Default::default(),
        }
    }
}

impl Bounded for Needed {
    fn check(&self) -> Verdict {
        check::digest("digest", &self.digest)?;
        check::count("runs", self.runs.len(), 0, 64)?;
        for item0 in &self.runs {
            check::run_id("runs", item0)?;
        }
        check::count("values", self.values.len(), 0, 64)?;
        for item0 in &self.values {
            check::digest("values", item0)?;
        }
        Ok(())
    }
}

fn default_verified_v() -> u8 {
    1
}
/// What was read and what did not match; with `repair` what was done about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    #[serde(default = "default_verified_v")]
    pub v: u8,
    #[serde(default)]
    pub checked: u64,
    #[serde(default)]
    pub corrupt: Vec<String>,
    #[serde(default)]
    pub missing: Vec<String>,
    #[serde(default)]
    pub needed: Vec<Needed>,
    #[serde(default)]
    pub repaired: u64,
    #[serde(default)]
    pub adopted: u64,
}

impl Default for Verified {
    fn default() -> Self {
        Self {
            v: default_verified_v(),
            checked: Default::default(),
            corrupt: Default::default(),
            missing: Default::default(),
            needed: Default::default(),
            repaired: Default::default(),
            adopted: Default::default(),
        }
    }
}

impl Bounded for Verified {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("checked", self.checked, 0, 9223372036854775807)?;
        check::count("corrupt", self.corrupt.len(), 0, 4096)?;
        for item0 in &self.corrupt {
            check::digest("corrupt", item0)?;
        }
        check::count("missing", self.missing.len(), 0, 4096)?;
        for item0 in &self.missing {
            check::digest("missing", item0)?;
        }
        check::count("needed", self.needed.len(), 0, 1024)?;
        for item0 in &self.needed {
            item0.check()?;
        }
        check::range("repaired", self.repaired, 0, 9223372036854775807)?;
        check::range("adopted", self.adopted, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_search_artifacts_v() -> u8 {
    1
}
fn default_search_artifacts_limit() -> u32 {
    100
}
/// `sym.pit.store.search`: artifacts with all of these words in their name, tags, task, media type or text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchArtifacts {
    #[serde(default = "default_search_artifacts_v")]
    pub v: u8,
    pub words: String,
    #[serde(default = "default_search_artifacts_limit")]
    pub limit: u32,
}

impl Default for SearchArtifacts {
    fn default() -> Self {
        Self {
            v: default_search_artifacts_v(),
            words: Default::default(),
            limit: default_search_artifacts_limit(),
        }
    }
}

impl Bounded for SearchArtifacts {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("words", &self.words, 1, 1000)?;
        check::range("limit", self.limit, 1, 1000)?;
        Ok(())
    }
}

fn default_tag_artifact_v() -> u8 {
    1
}
/// `sym.pit.store.tag`: words that people find an artifact by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagArtifact {
    #[serde(default = "default_tag_artifact_v")]
    pub v: u8,
    pub digest: String,
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

impl Default for TagArtifact {
    fn default() -> Self {
        Self {
            v: default_tag_artifact_v(),
            digest: Default::default(),
            add: Default::default(),
            remove: Default::default(),
        }
    }
}

impl Bounded for TagArtifact {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::digest("digest", &self.digest)?;
        check::count("add", self.add.len(), 0, 64)?;
        for item0 in &self.add {
            check::text("add", item0, 1, 128)?;
        }
        check::count("remove", self.remove.len(), 0, 64)?;
        for item0 in &self.remove {
            check::text("remove", item0, 1, 128)?;
        }
        Ok(())
    }
}

fn default_ask_artifact_v() -> u8 {
    1
}
fn default_ask_artifact_depth() -> u32 {
    8
}
/// `sym.pit.store.explain`: all that is known of one artifact; its lineage to `depth` steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskArtifact {
    #[serde(default = "default_ask_artifact_v")]
    pub v: u8,
    pub digest: String,
    #[serde(default = "default_ask_artifact_depth")]
    pub depth: u32,
}

impl Default for AskArtifact {
    fn default() -> Self {
        Self {
            v: default_ask_artifact_v(),
            digest: Default::default(),
            depth: default_ask_artifact_depth(),
        }
    }
}

impl Bounded for AskArtifact {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::digest("digest", &self.digest)?;
        check::range("depth", self.depth, 1, 64)?;
        Ok(())
    }
}

/// An artifact that another was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineageEdge {
    pub made: String,
    pub of: String,
}

impl Default for LineageEdge {
    fn default() -> Self {
        Self {
            made: Default::default(),
            of: Default::default(),
        }
    }
}

impl Bounded for LineageEdge {
    fn check(&self) -> Verdict {
        check::digest("made", &self.made)?;
        check::digest("of", &self.of)?;
        Ok(())
    }
}

fn default_artifact_explained_v() -> u8 {
    1
}
/// `up`: what it was made of, and what these were made of; `down`: what was made of it. `named_by`: values that name it,
/// which keep it. `why`: why it is there, in one sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactExplained {
    #[serde(default = "default_artifact_explained_v")]
    pub v: u8,
    pub artifact: ArtifactView,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub up: Vec<LineageEdge>,
    #[serde(default)]
    pub down: Vec<LineageEdge>,
    #[serde(default)]
    pub named_by: Vec<String>,
    #[serde(default)]
    pub encrypted: bool,
    #[serde(default)]
    pub why: String,
}

impl Default for ArtifactExplained {
    fn default() -> Self {
        Self {
            v: default_artifact_explained_v(),
            artifact: Default::default(),
            tags: Default::default(),
            up: Default::default(),
            down: Default::default(),
            named_by: Default::default(),
            encrypted: Default::default(),
            why: Default::default(),
        }
    }
}

impl Bounded for ArtifactExplained {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        self.artifact.check()?;
        check::count("tags", self.tags.len(), 0, 64)?;
        for item0 in &self.tags {
            check::text("tags", item0, 1, 128)?;
        }
        check::count("up", self.up.len(), 0, 4096)?;
        for item0 in &self.up {
            item0.check()?;
        }
        check::count("down", self.down.len(), 0, 4096)?;
        for item0 in &self.down {
            item0.check()?;
        }
        check::count("named_by", self.named_by.len(), 0, 64)?;
        for item0 in &self.named_by {
            check::digest("named_by", item0)?;
        }
        check::text("why", &self.why, 0, 4096)?;
        Ok(())
    }
}

fn default_store_show_v() -> u8 {
    1
}
/// `sym.pit.store.show`: what is stored and how it is kept; `scrubbed` blobs were read again since the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreShow {
    #[serde(default = "default_store_show_v")]
    pub v: u8,
    #[serde(default)]
    pub artifacts: u64,
    #[serde(default)]
    pub size_bytes: u64,
    #[serde(default)]
    pub stored_bytes: u64,
    #[serde(default)]
    pub encrypted: bool,
    #[serde(default)]
    pub keys: u64,
    #[serde(default)]
    pub tenant_keys: u64,
    #[serde(default)]
    pub packs: u64,
    #[serde(default)]
    pub pack_bytes: u64,
    #[serde(default)]
    pub cold_packs: u64,
    #[serde(default)]
    pub chunks: u64,
    #[serde(default)]
    pub shared_bytes: u64,
    #[serde(default)]
    pub scrubbed: u64,
    #[serde(default)]
    pub damaged: Vec<Needed>,
    #[serde(default)]
    pub trail: u64,
}

impl Default for StoreShow {
    fn default() -> Self {
        Self {
            v: default_store_show_v(),
            artifacts: Default::default(),
            size_bytes: Default::default(),
            stored_bytes: Default::default(),
            encrypted: Default::default(),
            keys: Default::default(),
            tenant_keys: Default::default(),
            packs: Default::default(),
            pack_bytes: Default::default(),
            cold_packs: Default::default(),
            chunks: Default::default(),
            shared_bytes: Default::default(),
            scrubbed: Default::default(),
            damaged: Default::default(),
            trail: Default::default(),
        }
    }
}

impl Bounded for StoreShow {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("artifacts", self.artifacts, 0, 9223372036854775807)?;
        check::range("size_bytes", self.size_bytes, 0, 9223372036854775807)?;
        check::range("stored_bytes", self.stored_bytes, 0, 9223372036854775807)?;
        check::range("keys", self.keys, 0, 9223372036854775807)?;
        check::range("tenant_keys", self.tenant_keys, 0, 9223372036854775807)?;
        check::range("packs", self.packs, 0, 9223372036854775807)?;
        check::range("pack_bytes", self.pack_bytes, 0, 9223372036854775807)?;
        check::range("cold_packs", self.cold_packs, 0, 9223372036854775807)?;
        check::range("chunks", self.chunks, 0, 9223372036854775807)?;
        check::range("shared_bytes", self.shared_bytes, 0, 9223372036854775807)?;
        check::range("scrubbed", self.scrubbed, 0, 9223372036854775807)?;
        check::count("damaged", self.damaged.len(), 0, 1024)?;
        for item0 in &self.damaged {
            item0.check()?;
        }
        check::range("trail", self.trail, 0, 9223372036854775807)?;
        Ok(())
    }
}

/// Something that was done to artifacts. `hash` covers the entry and the hash before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrailEntry {
    pub number: u64,
    pub at_ms: u64,
    pub what: String,
    #[serde(default)]
    pub digest: Option<String>,
    #[serde(default)]
    pub detail: String,
    pub hash: String,
}

impl Default for TrailEntry {
    fn default() -> Self {
        Self {
            number: Default::default(),
            at_ms: Default::default(),
            what: Default::default(),
            digest: Default::default(),
            detail: Default::default(),
            hash: Default::default(),
        }
    }
}

impl Bounded for TrailEntry {
    fn check(&self) -> Verdict {
        check::range("number", self.number, 0, 9223372036854775807)?;
        check::range("at_ms", self.at_ms, 0, 9223372036854775807)?;
        check::text("what", &self.what, 1, 128)?;
        if let Some(item0) = &self.digest {
            check::digest("digest", item0)?;
        }
        check::text("detail", &self.detail, 0, 4096)?;
        check::digest("hash", &self.hash)?;
        Ok(())
    }
}

fn default_ask_trail_v() -> u8 {
    1
}
fn default_ask_trail_limit() -> u32 {
    100
}
/// `sym.pit.store.trail`: the audit trail from a number on, checked from its beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskTrail {
    #[serde(default = "default_ask_trail_v")]
    pub v: u8,
    #[serde(default)]
    pub start: u64,
    #[serde(default = "default_ask_trail_limit")]
    pub limit: u32,
}

impl Default for AskTrail {
    fn default() -> Self {
        Self {
            v: default_ask_trail_v(),
            start: Default::default(),
            limit: default_ask_trail_limit(),
        }
    }
}

impl Bounded for AskTrail {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("start", self.start, 0, 9223372036854775807)?;
        check::range("limit", self.limit, 1, 1000)?;
        Ok(())
    }
}

fn default_trail_v() -> u8 {
    1
}
/// A page of the audit trail. `broken_at`: the first entry whose hash does not follow from those before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    #[serde(default = "default_trail_v")]
    pub v: u8,
    #[serde(default)]
    pub entries: Vec<TrailEntry>,
    #[serde(default)]
    pub next: Option<u64>,
    #[serde(default)]
    pub count: u64,
    #[serde(default)]
    pub broken_at: Option<u64>,
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            v: default_trail_v(),
            entries: Default::default(),
            next: Default::default(),
            count: Default::default(),
            broken_at: Default::default(),
        }
    }
}

impl Bounded for Trail {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("entries", self.entries.len(), 0, 4096)?;
        for item0 in &self.entries {
            item0.check()?;
        }
        if let Some(item0) = &self.next {
            check::range("next", *item0, 0, 9223372036854775807)?;
        }
        check::range("count", self.count, 0, 9223372036854775807)?;
        if let Some(item0) = &self.broken_at {
            check::range("broken_at", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}

fn default_rewrapped_v() -> u8 {
    1
}
/// `sym.pit.store.rewrap`: keys of tenants put under the newest master key; packs with plain blobs sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rewrapped {
    #[serde(default = "default_rewrapped_v")]
    pub v: u8,
    #[serde(default)]
    pub rewrapped: u64,
    #[serde(default)]
    pub sealed: u64,
    #[serde(default)]
    pub kept: u64,
    #[serde(default)]
    pub failed: u64,
}

impl Default for Rewrapped {
    fn default() -> Self {
        Self {
            v: default_rewrapped_v(),
            rewrapped: Default::default(),
            sealed: Default::default(),
            kept: Default::default(),
            failed: Default::default(),
        }
    }
}

impl Bounded for Rewrapped {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("rewrapped", self.rewrapped, 0, 9223372036854775807)?;
        check::range("sealed", self.sealed, 0, 9223372036854775807)?;
        check::range("kept", self.kept, 0, 9223372036854775807)?;
        check::range("failed", self.failed, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_delete_artifacts_v() -> u8 {
    1
}
/// `sym.pit.store.delete`, asked by the conductor for the Stale Manager. Ones put after `before_ms` stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeleteArtifacts {
    #[serde(default = "default_delete_artifacts_v")]
    pub v: u8,
    pub digests: Vec<String>,
    pub before_ms: u64,
}

impl Default for DeleteArtifacts {
    fn default() -> Self {
        Self {
            v: default_delete_artifacts_v(),
            digests: Default::default(),
            before_ms: Default::default(),
        }
    }
}

impl Bounded for DeleteArtifacts {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("digests", self.digests.len(), 0, 4096)?;
        for item0 in &self.digests {
            check::digest("digests", item0)?;
        }
        check::range("before_ms", self.before_ms, 0, 9223372036854775807)?;
        Ok(())
    }
}

fn default_deleted_v() -> u8 {
    1
}
/// What went and how much room it gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deleted {
    #[serde(default = "default_deleted_v")]
    pub v: u8,
    #[serde(default)]
    pub deleted: u64,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub kept: Vec<String>,
}

impl Default for Deleted {
    fn default() -> Self {
        Self {
            v: default_deleted_v(),
            deleted: Default::default(),
            bytes: Default::default(),
            kept: Default::default(),
        }
    }
}

impl Bounded for Deleted {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("deleted", self.deleted, 0, 9223372036854775807)?;
        check::range("bytes", self.bytes, 0, 9223372036854775807)?;
        check::count("kept", self.kept.len(), 0, 4096)?;
        for item0 in &self.kept {
            check::digest("kept", item0)?;
        }
        Ok(())
    }
}

fn default_erase_artifacts_v() -> u8 {
    1
}
/// `sym.pit.store.erase`: destroy the key of a tenant and forget all that was stored under it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EraseArtifacts {
    #[serde(default = "default_erase_artifacts_v")]
    pub v: u8,
    pub tenant: String,
}

impl Default for EraseArtifacts {
    fn default() -> Self {
        Self {
            v: default_erase_artifacts_v(),
            tenant: Default::default(),
        }
    }
}

impl Bounded for EraseArtifacts {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("tenant", &self.tenant, 1, 128)?;
        Ok(())
    }
}

fn default_artifacts_erased_v() -> u8 {
    1
}
/// What was forgotten. `keys`: destroyed ones; with none nothing of the tenant was encrypted, and nothing was erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactsErased {
    #[serde(default = "default_artifacts_erased_v")]
    pub v: u8,
    #[serde(default)]
    pub artifacts: u64,
    #[serde(default)]
    pub bytes: u64,
    #[serde(default)]
    pub keys: u64,
}

impl Default for ArtifactsErased {
    fn default() -> Self {
        Self {
            v: default_artifacts_erased_v(),
            artifacts: Default::default(),
            bytes: Default::default(),
            keys: Default::default(),
        }
    }
}

impl Bounded for ArtifactsErased {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::range("artifacts", self.artifacts, 0, 9223372036854775807)?;
        check::range("bytes", self.bytes, 0, 9223372036854775807)?;
        check::range("keys", self.keys, 0, 9223372036854775807)?;
        Ok(())
    }
}

/// Tagged by `is`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", try_from = "RawPut")]
pub enum Put {
    #[serde(rename = "whole")]
    PutWhole(PutWhole),
    #[serde(rename = "many")]
    PutMany(PutMany),
    #[serde(rename = "open")]
    PutOpen(PutOpen),
    #[serde(rename = "chunk")]
    PutChunk(PutChunk),
    #[serde(rename = "commit")]
    PutCommit(PutCommit),
    #[serde(rename = "abort")]
    PutAbort(PutAbort),
}

#[derive(Deserialize)]
struct RawPut {
    is: String,
    #[serde(default)]
    v: Option<u8>,
    #[serde(default)]
    data: Option<Payload>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    lineage: Option<Lineage>,
    #[serde(default)]
    items: Option<Vec<PutItem>>,
    #[serde(default)]
    size_bytes: Option<u64>,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    upload: Option<String>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    chunks: Option<u64>,
}

impl TryFrom<RawPut> for Put {
    type Error = &'static str;

    fn try_from(raw: RawPut) -> Result<Self, Self::Error> {
        match raw.is.as_str() {
            "whole" => Ok(Put::PutWhole(PutWhole {
                v: raw.v.unwrap_or_else(|| PutWhole::default().v),
                data: raw.data.ok_or("missing field `data`")?,
                media_type: raw.media_type.unwrap_or_else(|| PutWhole::default().media_type),
                lineage: raw.lineage.unwrap_or_else(|| PutWhole::default().lineage),
            })),
            "many" => Ok(Put::PutMany(PutMany {
                v: raw.v.unwrap_or_else(|| PutMany::default().v),
                items: raw.items.ok_or("missing field `items`")?,
            })),
            "open" => Ok(Put::PutOpen(PutOpen {
                v: raw.v.unwrap_or_else(|| PutOpen::default().v),
                size_bytes: raw.size_bytes,
                digest: raw.digest,
                media_type: raw.media_type.unwrap_or_else(|| PutOpen::default().media_type),
                lineage: raw.lineage.unwrap_or_else(|| PutOpen::default().lineage),
            })),
            "chunk" => Ok(Put::PutChunk(PutChunk {
                v: raw.v.unwrap_or_else(|| PutChunk::default().v),
                upload: raw.upload.ok_or("missing field `upload`")?,
                index: raw.index.ok_or("missing field `index`")?,
                data: raw.data.ok_or("missing field `data`")?,
            })),
            "commit" => Ok(Put::PutCommit(PutCommit {
                v: raw.v.unwrap_or_else(|| PutCommit::default().v),
                upload: raw.upload.ok_or("missing field `upload`")?,
                chunks: raw.chunks.ok_or("missing field `chunks`")?,
                digest: raw.digest,
            })),
            "abort" => Ok(Put::PutAbort(PutAbort {
                v: raw.v.unwrap_or_else(|| PutAbort::default().v),
                upload: raw.upload.ok_or("missing field `upload`")?,
            })),
            _ => Err("unknown tag"),
        }
    }
}

impl Default for Put {
    fn default() -> Self {
        Put::PutWhole(PutWhole::default())
    }
}

impl Bounded for Put {
    fn check(&self) -> Verdict {
        match self {
            Put::PutWhole(inner) => inner.check(),
            Put::PutMany(inner) => inner.check(),
            Put::PutOpen(inner) => inner.check(),
            Put::PutChunk(inner) => inner.check(),
            Put::PutCommit(inner) => inner.check(),
            Put::PutAbort(inner) => inner.check(),
        }
    }
}
