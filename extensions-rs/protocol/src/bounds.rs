//! The bounds of every message. The same numbers stand in `conductor/wire/bounds.py`, with their reasons; a test holds
//! the two equal.

pub const VERSION: u32 = 1;
pub const PARTITIONS_MAX: usize = 1024;
pub const NAME_LENGTH_MAX: usize = 128;
pub const TASK_PATH_LENGTH_MAX: usize = 512;
pub const TEXT_LENGTH_MAX: usize = 4096;
pub const INLINE_PAYLOAD_BYTES_MAX: usize = 64 * 1024;
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
pub const COMPOSED_INPUT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Of a function whose worker says nothing else.
pub const FIRST_VERSION: &str = "1.0.0";
pub const RUN_STATE_BYTES_MAX: usize = 2 * 1024 * 1024;
pub const DOCUMENT_PACKED_BYTES_MAX: usize = 768 * 1024;
pub const DOCUMENT_BYTES_MAX: usize = 32 * 1024 * 1024;
pub const BATCH_COUNT_MAX: usize = 4096;
pub const FUNCTIONS_COUNT_MAX: usize = 1024;
pub const EVENT_NAMES_MAX: usize = 1024;
pub const VALUE_DEPTH_MAX: usize = 64;
pub const SLOTS_MAX: u32 = 65_536;
pub const TRACE_BYTES: usize = 25;
pub const TOKEN_BYTES: usize = 16;
pub const RUN_ID_LENGTH: usize = 32;
/// Blobs of one batch that is stored together.
pub const PUT_ITEMS_MAX: usize = 1024;
