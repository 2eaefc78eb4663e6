#pragma once
/// Lines of text for people. Threads: none are made.

#include <cstdio>
#include <string>

namespace engram::apps {

/// printf's text, cut at 511 characters.
template <class... Values>
std::string formatted(const char* pattern, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

/// A share as "87.42 %".
inline std::string percent_text(double share, int decimals = 2) {
  return formatted("%.*f %%", decimals, 100 * share);
}

/// The text with spaces behind it up to `width` bytes.
inline std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

}  // namespace engram::apps
