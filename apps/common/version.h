#pragma once
/// The version of this build.

namespace engram::apps {

/// For example "0.1.0".
const char* version();

}  // namespace engram::apps
