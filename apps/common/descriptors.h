#pragma once
/// The three standard descriptors of a process.

namespace engram::apps {

/// Opens those of the descriptors 0, 1 and 2 that the caller left closed. Without it the next file that a program opens
/// gets such a number, and what it prints goes into that file. Reading gives nothing then, writing on standard output
/// fails as on a closed one, and messages go nowhere.
void secure_descriptors();

/// Writes out what is buffered for standard output. Returns why that or an earlier write failed, nullptr if none did.
const char* flush_standard_output();

}  // namespace engram::apps
