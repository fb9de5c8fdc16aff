// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! A message decoded and encoded again, by its name: what holds the codecs of the mesh together.

use serde::{Serialize, de::DeserializeOwned};

use super::*;
use crate::check::Bounded;
use crate::codec::{WireError, decode, encode};

/// The bytes that this codec writes for a message that it read; None: there is no message of this name.
pub fn reencode(name: &str, data: &[u8]) -> Option<Result<Vec<u8>, WireError>> {
    Some(match name {
        "Action" => again::<Action>(data),
        "Activate" => again::<Activate>(data),
        "ArbitrationShow" => again::<ArbitrationShow>(data),
        "ArchiveBatch" => again::<ArchiveBatch>(data),
        "Archived" => again::<Archived>(data),
        "ArchivedRun" => again::<ArchivedRun>(data),
        "ArtifactList" => again::<ArtifactList>(data),
        "Cancel" => again::<Cancel>(data),
        "Check" => again::<Check>(data),
        "Checked" => again::<Checked>(data),
        "Claim" => again::<Claim>(data),
        "Collect" => again::<Collect>(data),
        "Collected" => again::<Collected>(data),
        "Contend" => again::<Contend>(data),
        "Credit" => again::<Credit>(data),
        "DagShow" => again::<DagShow>(data),
        "DecidedBatch" => again::<DecidedBatch>(data),
        "DecisionBatch" => again::<DecisionBatch>(data),
        "DeleteArtifacts" => again::<DeleteArtifacts>(data),
        "Deleted" => again::<Deleted>(data),
        "Demand" => again::<Demand>(data),
        "Due" => again::<Due>(data),
        "Export" => again::<Export>(data),
        "ExportTrajectories" => again::<ExportTrajectories>(data),
        "Exported" => again::<Exported>(data),
        "ExtensionEvent" => again::<ExtensionEvent>(data),
        "FindRuns" => again::<FindRuns>(data),
        "Frame" => again::<Frame>(data),
        "Get" => again::<Get>(data),
        "GetReply" => again::<GetReply>(data),
        "Grant" => again::<Grant>(data),
        "Heartbeat" => again::<Heartbeat>(data),
        "History" => again::<History>(data),
        "HistoryPage" => again::<HistoryPage>(data),
        "Hold" => again::<Hold>(data),
        "ListArtifacts" => again::<ListArtifacts>(data),
        "ListRuns" => again::<ListRuns>(data),
        "MoveRun" => again::<MoveRun>(data),
        "Nothing" => again::<Nothing>(data),
        "Order" => again::<Order>(data),
        "Outcome" => again::<Outcome>(data),
        "Owner" => again::<Owner>(data),
        "PauseRun" => again::<PauseRun>(data),
        "PoolGrant" => again::<PoolGrant>(data),
        "PoolShow" => again::<PoolShow>(data),
        "Purge" => again::<Purge>(data),
        "Purged" => again::<Purged>(data),
        "Put" => again::<Put>(data),
        "PutAbort" => again::<PutAbort>(data),
        "PutChunk" => again::<PutChunk>(data),
        "PutCommit" => again::<PutCommit>(data),
        "PutOpen" => again::<PutOpen>(data),
        "PutReply" => again::<PutReply>(data),
        "PutWhole" => again::<PutWhole>(data),
        "ReadRun" => again::<ReadRun>(data),
        "Ready" => again::<Ready>(data),
        "Referred" => again::<Referred>(data),
        "Refers" => again::<Refers>(data),
        "Register" => again::<Register>(data),
        "Reply" => again::<Reply>(data),
        "ResultBatch" => again::<ResultBatch>(data),
        "ResumeRun" => again::<ResumeRun>(data),
        "Resync" => again::<Resync>(data),
        "ResyncPage" => again::<ResyncPage>(data),
        "RetryRun" => again::<RetryRun>(data),
        "RollCall" => again::<RollCall>(data),
        "RollbackRun" => again::<RollbackRun>(data),
        "RunEvent" => again::<RunEvent>(data),
        "RunList" => again::<RunList>(data),
        "RunView" => again::<RunView>(data),
        "ShareGrant" => again::<ShareGrant>(data),
        "Show" => again::<Show>(data),
        "StaleShow" => again::<StaleShow>(data),
        "SubmitBatch" => again::<SubmitBatch>(data),
        "Supplied" => again::<Supplied>(data),
        "TaskBatch" => again::<TaskBatch>(data),
        "Verified" => again::<Verified>(data),
        "Verify" => again::<Verify>(data),
        _ => return None,
    })
}

fn again<T: DeserializeOwned + Bounded + Serialize>(data: &[u8]) -> Result<Vec<u8>, WireError> {
    encode(&decode::<T>(data)?)
}
