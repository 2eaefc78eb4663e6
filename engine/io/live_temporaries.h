#pragma once
/// The temporary files of this process's writers, so that a process that has to end at once, without unwinding, can
/// take them away. Threads: any may call, also at the same time.

namespace engram::io {

/// Notes a file's path, which must stay where it is in memory until it is forgotten. Of more than 256 at a time the
/// others are not noted.
void note_temporary(const char* path) noexcept;
/// The opposite.
void forget_temporary(const char* path) noexcept;

/// Unlinks the noted files. Allocates nothing and is safe in signal handlers; for processes that end right after it.
void unlink_live_temporaries() noexcept;

}  // namespace engram::io
