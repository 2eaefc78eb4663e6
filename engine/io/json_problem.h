#pragma once
/// What is wrong with a text that should be JSON, in words for people. Threads: none are made.

#include <string>
#include <string_view>

namespace engram::io {

/// "line 3: expected JSON, got '{"a": }'": the line in which the text stops being JSON, up to there and cut to its last
/// characters. Empty for JSON.
std::string json_problem(std::string_view text);

}  // namespace engram::io
