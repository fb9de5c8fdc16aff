//! One run as bytes: what the archive keeps of a run that did not succeed, and by which it can go on.

use std::io::Read;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use symphony_protocol::Payload;
use symphony_protocol::bounds::RUN_STATE_BYTES_MAX;

use super::fold::Fold;
use super::state::Run;

/// Grows where what was kept before cannot be read any more; fields that are added at an end can be.
const VERSION: u32 = 1;
/// Before compression: more is no run that anybody looks at task by task.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Serialize)]
struct KeptRef<'a> {
    version: u32,
    document: &'a Payload,
    run: &'a Run,
}

#[derive(Deserialize)]
struct Kept {
    version: u32,
    document: Payload,
    run: Run,
}

/// None: it is over a bound, and cannot be taken up once its tracker has forgotten it.
pub fn pack_run(run: &Run) -> Option<Payload> {
    let kept = KeptRef {
        version: VERSION,
        document: &run.document,
        run,
    };
    let bytes = rmp_serde::to_vec(&kept).ok()?;
    if bytes.len() > KEPT_BYTES_MAX {
        return None;
    }
    let packed = zstd::encode_all(bytes.as_slice(), 3).ok()?;
    (packed.len() <= RUN_STATE_BYTES_MAX).then(|| packed.into())
}

impl Fold {
    /// The run that was kept; or why there is none, in a sentence.
    pub(crate) fn unpack_run(&mut self, packed: &[u8]) -> Result<Box<Run>, String> {
        let broken = |what: String| format!("what was kept of it cannot be read: {what}");
        let decoder = zstd::Decoder::new(packed).map_err(|error| broken(error.to_string()))?;
        let limit = u64::try_from(KEPT_BYTES_MAX).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let read = decoder.take(limit).read_to_end(&mut bytes);
        read.map_err(|error| broken(error.to_string()))?;
        let kept: Kept = rmp_serde::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
        if kept.version != VERSION {
            return Err(broken(format!("it is of version {}", kept.version)));
        }
        let mut run = Box::new(kept.run);
        run.document = kept.document;
        self.replan(&mut run).map_err(broken)?;
        Ok(run)
    }

    /// Make a run's plans again from its documents.
    pub(crate) fn replan(&mut self, run: &mut Run) -> Result<(), String> {
        // A run that never had a plan (its document was refused) has none now.
        if !run.frames.is_empty() {
            let (plan, document) = self.plan(&run.document)?;
            run.document = document;
            run.plan = Some(plan);
        }
        let framed = run.frames.iter_mut();
        let framed = framed.filter_map(|frame| frame.within.as_mut()?.inline.as_mut());
        let undone = run.undo.iter_mut().filter_map(|undo| undo.inline.as_mut());
        for inline in framed.chain(undone).map(Arc::make_mut) {
            let (plan, document) = self.plan(&inline.document)?;
            inline.plan = Some(plan);
            inline.document = document;
        }
        for found in run.library.values_mut().map(Arc::make_mut) {
            if found.problem.is_none() {
                let (plan, document) = self.plan(&found.document)?;
                found.plan = Some(plan);
                found.document = document;
            }
        }
        Ok(())
    }
}
