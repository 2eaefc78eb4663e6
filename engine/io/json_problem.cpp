#include "engine/io/json_problem.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"

namespace engram::io {
namespace {

constexpr std::size_t kMostShown = 40;

/// The line of a place, and what it holds up to there.
std::string problem_at(std::string_view text, std::size_t end, const char* expected) {
  const std::string_view before = text.substr(0, std::min(end, text.size()));
  const std::size_t newline = before.rfind('\n');
  std::string_view line = newline == std::string_view::npos ? before : before.substr(newline + 1);
  line = line.substr(line.size() - std::min(line.size(), kMostShown));
  return message("line ", 1 + std::count(before.begin(), before.end(), '\n'), ": expected ", expected, ", got ",
                 end > text.size() ? "the end of the text behind '" : "'", line, "'");
}

}  // namespace

std::string json_problem(std::string_view text) {
  if (text.empty()) return "expected JSON, got nothing";
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos)  // the parser would stop there
    return problem_at(text, zero, "JSON without a zero byte");
  try {
    const nlohmann::json whole = nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    return problem_at(text, error.byte, "JSON");
  } catch (const nlohmann::json::exception&) {
    return "expected numbers that a double can hold, got a larger one";
  }
  return "";
}

}  // namespace engram::io
