#pragma once
/// The processor that a program runs on.

#include <string>

namespace engram::apps {

/// Its name, as far as the system tells: times mean nothing without it. Empty when it does not.
std::string processor();

}  // namespace engram::apps
