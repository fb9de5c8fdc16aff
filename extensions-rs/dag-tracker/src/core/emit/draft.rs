//! Messages being filled, and composed values in frames.

use super::*;

/// A message being filled.
pub(super) struct Draft {
    pub(super) ready: Ready,
    pub(super) size: usize,
    pub(super) done: Vec<Message>,
    pub(super) partition: u32,
    pub(super) epoch: u64,
}

impl Draft {
    pub(super) fn new(emitter: &Emitter, fold: &Fold) -> Self {
        let ready = Ready::default();
        Self {
            ready,
            size: 0,
            done: Vec::new(),
            partition: fold.options.partition,
            epoch: emitter.epoch,
        }
    }

    pub(super) fn flush_if_full(&mut self) {
        let most = [
            self.ready.tasks.len(),
            self.ready.settled.len(),
            self.ready.ended.len(),
            self.ready.failures.len(),
        ];
        if self.size > READY_BYTES_MAX || most.iter().any(|count| *count >= READY_COUNT_MAX) {
            let full = std::mem::take(&mut self.ready);
            self.done.push(Message::Ready(Box::new(full)));
            self.size = 0;
        }
    }

    pub(super) fn task(&mut self, task: ReadyTask, composed: Vec<Composed>) {
        self.size += task.inputs.len() + task.task.len() + 320;
        self.frames(composed);
        self.ready.tasks.push(task);
        self.flush_if_full();
    }

    pub(super) fn frames(&mut self, composed: Vec<Composed>) {
        self.done.extend(
            frames(self.partition, self.epoch, composed)
                .into_iter()
                .map(Message::Frame),
        );
    }

    /// All messages; a level where there is nothing else to say and it was asked for.
    pub(super) fn finish(mut self, level: bool) -> Vec<Message> {
        let empty = self.ready == Ready::default();
        if !empty || (level && self.done.is_empty()) {
            self.done.push(Message::Ready(Box::new(self.ready)));
        }
        self.done
    }
}

/// Composed values in pieces.
pub fn frames(partition: u32, epoch: u64, composed: Vec<Composed>) -> Vec<Frame> {
    let mut made = Vec::new();
    for part in composed {
        let count = part.data.len().div_ceil(FRAME_BYTES_MAX).max(1);
        for (index, piece) in part.data.chunks(FRAME_BYTES_MAX).enumerate() {
            made.push(Frame {
                partition,
                epoch,
                digest: part.digest.clone(),
                index: u64::try_from(index).unwrap_or_default(),
                count: u32::try_from(count).unwrap_or(u32::MAX),
                size_bytes: u64::try_from(part.data.len()).unwrap_or_default(),
                data: piece.into(),
                ..Default::default()
            });
        }
    }
    made
}
