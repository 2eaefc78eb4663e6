#pragma once
/// What the manifest knows of metrics.jsonl: how much of it was there at the last checkpoint, and its hash. A run that
/// goes on chooses the best of its evaluations from that file, so it must have all of them.

#include "apps/common/run_manifest.h"
#include "engine/io/bytes.h"
#include "engine/io/jsonl.h"

namespace engram::apps {

/// The member "metrics" of a manifest for a file that begins with these bytes.
ManifestJson metrics_seal(io::ByteView content);
/// The same for what the writer has written.
ManifestJson metrics_seal(const io::JsonlWriter& writer);

/// Whether it is of the form above.
bool is_metrics_seal(const ManifestJson& seal);

/// Throws DataError unless the metrics in `folder` begin with what the manifest says. `content` is the file's; a
/// missing file is empty. The manifest of an older version, which says nothing, is refused too.
void check_metrics(const ManifestJson& manifest, io::ByteView content, const std::filesystem::path& folder);

}  // namespace engram::apps
